// Lists scenarios of Workfront Fusion: node scenarios.mjs ORGANIZATION_ID REGION
import { createTokenProvider } from 'imsvault';
import { createTokenFetch } from 'imsvault/http';

const [organizationId, gwRegion] = process.argv.slice(2);
const provider = createTokenProvider();
const fusion = createTokenFetch(provider, { organizationId, gwRegion });

const response = await fusion('https://fusion.adobe.io/api/v3/scenarios?limit=10&orderby=%2Bid');
console.log(response.status, await response.text());
await provider.close();
