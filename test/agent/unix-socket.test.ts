import {
  chownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { getuid } from 'node:process';
import { describe, expect, it } from 'vitest';
import { ask, LOOPBACK, onEnd, startAgent, tempFolder } from './support.js';

const modeOf = (path: string) => (lstatSync(path).mode & 0o777).toString(8);
const place = () => join(tempFolder(), 'agent.sock');

/** Leaves a socket behind on which nobody listens, as a killed process does. */
async function leaveDeadSocket(path: string): Promise<void> {
  const server = createServer();
  const made = `${path}.1`;
  await new Promise<void>((resolve) => server.listen(made, () => resolve()));
  // Closing removes the name that was listened on, not another of the same socket.
  const { linkSync } = await import('node:fs');
  linkSync(made, path);
  await new Promise<void>((resolve) => server.close(() => resolve()));
}

describe('a Unix socket', () => {
  it('serves this user alone, and goes with the agent', async () => {
    const path = place();
    const { addresses, close, clock } = await startAgent({ listen: [{ kind: 'unix', path }] });
    expect(addresses).toEqual([{ kind: 'unix', path }]);
    expect(modeOf(path)).toBe('600');
    expect(readdirSync(join(path, '..'))).toEqual(['agent.sock']);
    expect((await ask(addresses[0], '/v1/token')).status).toBe(200);
    expect((await ask(addresses[0], '/v1/token', { headers: { host: 'evil.example' } })).status).toBe(400);
    expect((await ask(addresses[0], '/v1/token', { anonymous: true })).status).toBe(403);
    const closed = close(0);
    await clock.advance(1);
    await closed;
    expect(readdirSync(join(path, '..'))).toEqual([]);
  });

  it('gets the mode and the group that were asked for, whatever the umask', async () => {
    const path = place();
    const { gid } = statSync(join(path, '..'));
    const before = process.umask(0o022);
    onEnd(() => process.umask(before));
    await startAgent({ listen: [{ kind: 'unix', path }], unixSocket: { mode: 0o660, gid } });
    expect(modeOf(path)).toBe('660');
    expect(lstatSync(path).gid).toBe(gid);
  });

  it('listens beside TCP', async () => {
    const path = place();
    const { addresses } = await startAgent({ listen: [LOOPBACK, { kind: 'unix', path }] });
    for (const address of addresses) expect((await ask(address, '/v1/token')).status).toBe(200);
  });

  it('takes the place of a dead one', async () => {
    const path = place();
    await leaveDeadSocket(path);
    const { addresses } = await startAgent({ listen: [{ kind: 'unix', path }] });
    expect((await ask(addresses[0], '/livez')).status).toBe(200);
  });

  it('leaves alone what is no socket, what answers, and what another made', async () => {
    const file = place();
    writeFileSync(file, 'mine');
    await expect(startAgent({ listen: [{ kind: 'unix', path: file }] })).rejects.toThrow(/is no socket/);

    const path = place();
    const { addresses } = await startAgent({ listen: [{ kind: 'unix', path }] });
    await expect(startAgent({ listen: [{ kind: 'unix', path }] })).rejects.toThrow(/another agent answers there/);
    expect((await ask(addresses[0], '/livez')).status).toBe(200);

    const link = place();
    symlinkSync(path, link);
    await expect(startAgent({ listen: [{ kind: 'unix', path: link }] })).rejects.toThrow(/is no socket/);
  });

  it.runIf(getuid?.() === 0)('leaves alone the dead socket of another user (asked of root only)', async () => {
    const path = place();
    await leaveDeadSocket(path);
    chownSync(path, 12_345, -1);
    await expect(startAgent({ listen: [{ kind: 'unix', path }] })).rejects.toThrow(/belongs to user 12345/);
    expect(lstatSync(path).isSocket()).toBe(true);
  });

  it('does not remove what took its place', async () => {
    const path = place();
    const { close, clock } = await startAgent({ listen: [{ kind: 'unix', path }] });
    unlinkSync(path);
    writeFileSync(path, 'another');
    const closed = close(0);
    await clock.advance(1);
    await closed;
    expect(lstatSync(path).isFile()).toBe(true);
  });

  it('that cannot be looked at any more is warned of, and does not keep the agent from its end', async () => {
    const folder = join(tempFolder(), 'run');
    mkdirSync(folder);
    const path = join(folder, 'agent.sock');
    const { addresses, close, clock, warnings } = await startAgent({ listen: [{ kind: 'unix', path }, LOOPBACK] });
    renameSync(folder, `${folder}.old`);
    writeFileSync(folder, '');
    const closed = close(0);
    await clock.advance(1);
    await closed;
    expect(warnings).toEqual([`unix:${path} is left behind: ENOTDIR`]);
    await expect(ask(addresses[1], '/livez')).rejects.toThrow('ECONNREFUSED');
  });

  it('is refused where its path would be cut off, or its folder is missing', async () => {
    const long = join(tempFolder(), 'x'.repeat(100));
    await expect(startAgent({ listen: [{ kind: 'unix', path: long }] })).rejects.toThrow(/too long/);
    const missing = join(tempFolder(), 'no', 'agent.sock');
    await expect(startAgent({ listen: [{ kind: 'unix', path: missing }] })).rejects.toThrow(/ENOENT/);
    const file = place();
    writeFileSync(file, '');
    const below = startAgent({ listen: [{ kind: 'unix', path: join(file, 'agent.sock') }] });
    await expect(below).rejects.toMatchObject({
      code: 'ERR_CONFIG_INVALID',
      message: expect.stringContaining('cannot be made (ENOTDIR)'),
    });
  });
});
