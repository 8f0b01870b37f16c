/**
 * An emulator of IMS for tests: docs/testing.md.
 * @module imsvault/testing
 */
export type { EmulatedClient } from './emulated-ims.js';
export type { EmulatedSecret } from './emulated-secrets.js';
export { createImsEmulator, type ImsEmulator, type ImsEmulatorOptions, type RecordedRequest } from './ims-emulator.js';
export type { ImsFault } from './ims-fault.js';
export type { ImsAnswer, ImsReply, ImsRequest } from './ims-message.js';
