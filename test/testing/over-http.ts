import { Agent, type Dispatcher, request } from 'undici';
import { afterEach } from 'vitest';
import { createImsEmulator, type ImsEmulator, type ImsEmulatorOptions } from '../../src/testing/index.js';

/** Run after each test, last first. */
export const cleanUps: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

export async function start(options?: ImsEmulatorOptions): Promise<ImsEmulator> {
  const emulator = await createImsEmulator(options).start();
  cleanUps.push(() => emulator.stop());
  return emulator;
}

export function client(options?: Agent.Options): Dispatcher {
  const agent = new Agent(options);
  cleanUps.push(() => agent.destroy());
  return agent;
}

export const body = new URLSearchParams({
  grant_type: 'client_credentials',
  client_id: 'emulator-client-id',
  client_secret: 'emulator-client-secret',
  scope: 'openid,AdobeID',
}).toString();

export async function ask(emulator: ImsEmulator, dispatcher = client()) {
  const response = await request(emulator.tokenEndpoint, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body,
    dispatcher,
  });
  return { status: response.statusCode, headers: response.headers, text: await response.body.text() };
}

/** Waits for what real sockets bring, on no fixed delay. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise<void>((resolve) => setImmediate(resolve));
}
