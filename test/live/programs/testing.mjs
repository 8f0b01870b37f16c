// A program's own test: its IMS is away for a moment.
import { createTokenProvider } from 'imsvault';
import { createImsEmulator } from 'imsvault/testing';

const emulator = await createImsEmulator().start();
emulator.fail({ kind: 'unavailable' }, 1);
const env = { FUSION_CLIENT_ID: 'emulator-client-id', FUSION_CLIENT_SECRET: 'emulator-client-secret' };
const config = { ims: { tokenEndpoint: emulator.tokenEndpoint }, credentials: { provider: 'env' } };
const provider = createTokenProvider(config, { env });
const { accessToken } = await provider.getToken();
const statuses = emulator.requests.map(({ status }) => status);
console.log(JSON.stringify({ isIssued: emulator.isIssued(accessToken), statuses }));
await provider.close();
await emulator.stop();
