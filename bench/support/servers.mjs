import './typescript.mjs';

const servers = (name) => import(`../../test/live/servers/${name}.ts`);

export const { startOpenBao } = await servers('openbao');
export const { findBinary, freePort, startServer } = await servers('process');
export const { startMoto } = await servers('moto');
export const { startFaultProxy } = await servers('fault-proxy');
export const { startRecordingProxy } = await servers('recording-proxy');
export const { writeSecret } = await servers('vault-fixture');
export const { startFleetWorker } = await servers('fleet-worker');
export const { startAzure } = await import('../../test/support/azure/stand-in.ts');
export const { createAuthority } = await import('../../test/support/authority.ts');
