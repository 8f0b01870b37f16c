// Three calls at once, then one with a wrong secret. Usage: node aio.mjs CLIENT_ID CLIENT_SECRET
import { generateAccessToken } from 'imsvault/aio';

const [clientId, clientSecret] = process.argv.slice(2);
const params = { clientId, clientSecret, orgId: 'A@AdobeOrg', scopes: ['openid'] };
const answers = await Promise.all([1, 2, 3].map(() => generateAccessToken(params, 'prod')));
const refused = await generateAccessToken({ ...params, clientSecret: 'wrong' }).catch((error) => error);
console.log(JSON.stringify({ answers, refused: [refused.code, refused.error] }));
