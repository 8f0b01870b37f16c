import type { AccessToken } from '../../access-token.js';
import { systemClock } from '../../clock.js';
import { openTokenEngine } from '../../engine/token-engine.js';
import { ConfigInvalidError, type ImsvaultError } from '../../errors.js';
import { type Supervised, supervise } from '../../exec/supervise.js';
import { openTokenFile, type TokenFile } from '../../exec/token-file.js';
import type { TokenEvent } from '../../token/token-events.js';
import { createTokenManager } from '../../token/token-manager.js';
import { type ExecOptions, type ExecPlan, planExec } from '../exec-options.js';
import { EXIT } from '../exit-codes.js';
import { type Io, loadOptions } from '../io.js';
import { printError, printWarning } from '../print-error.js';

/**
 * Runs a program with a token, and renews the token as long as the program can see that.
 * @param command undefined: the command line has no `--`
 * @returns the program's exit code; 126 and 127 as shells do
 */
export async function runExec(options: ExecOptions, command: readonly string[] | undefined, io: Io): Promise<number> {
  const plan = planExec(options, command);
  const warn = (message: string) => printWarning(message, io, 'text');
  const engine = await openTokenEngine(loadOptions(options, io), {
    clock: systemClock,
    random: Math.random,
    warn,
    useCache: (configured) => configured !== false,
  });
  let child: Supervised | undefined;
  let updates = Promise.resolve();
  const manager = createTokenManager({
    clock: systemClock,
    random: Math.random,
    // What nobody would see is not renewed.
    renewal: { ...engine.renewal, background: plan.keepsFresh },
    renew: (request, closing) => engine.renew(request, closing),
    onEvent(event) {
      if (child === undefined) return;
      if (event.type === 'renewed') updates = updates.then(update);
      else warnOfFailure(event, warn);
    },
  });
  let file: TokenFile | undefined;
  let token: AccessToken;

  async function update(): Promise<void> {
    token = manager.peekToken() ?? token;
    try {
      await file?.write(token);
    } catch (error) {
      return warn(`the new token is not in its file: ${(error as ImsvaultError).message}`);
    }
    if (plan.onRenew === 'restart') child?.restart();
    else if (plan.onRenew !== 'none') child?.signal(plan.onRenew);
  }

  try {
    token = await manager.getToken({ minTtlMs: plan.minTtlMs, signal: io.signal });
    // Not before: a signal that ends this process while it waits for a token would leave the folder behind.
    if (plan.withFile) file = await openTokenFile(options.tokenFile, io.cwd, io.env.XDG_RUNTIME_DIR);
    await file?.write(token);
    io.signal.throwIfAborted();
    child = supervise({
      command: plan.command,
      environment: () => childEnvironment(io.env, engine.profile.secretVariables, plan, token, file?.path),
      killAfterMs: plan.killAfterMs,
      clock: systemClock,
      signals: process,
    });
    const ended = child.ended.catch((error: NodeJS.ErrnoException) => cannotStart(plan.command[0], error, io));
    if (!plan.keepsFresh) await engine.close();
    return await ended;
  } finally {
    manager.close();
    await updates;
    // The program's exit code counts for more.
    await file?.remove().catch((error: NodeJS.ErrnoException) => {
      warn(`${file?.path} holds a token, and cannot be removed (${error.code})`);
    });
    child?.close();
    await engine.close();
  }
}

/** The environment that this process has, with the token and without what would get another one. */
function childEnvironment(
  env: Io['env'],
  secrets: readonly string[],
  plan: ExecPlan,
  token: AccessToken,
  tokenFile: string | undefined,
): NodeJS.ProcessEnv {
  const { keepEnv } = plan;
  const without = new Set(keepEnv === true ? [] : secrets.filter((name) => !keepEnv.includes(name)));
  const { token: names, file, expires, clientId } = plan.variables;
  const kept = Object.entries(env).filter(([name]) => !without.has(name));
  return Object.fromEntries([
    ...kept,
    ...names.map((name) => [name, token.accessToken]),
    ...(file === undefined ? [] : [[file, tokenFile]]),
    ...(expires === undefined ? [] : [[expires, new Date(token.expiresAt).toISOString()]]),
    ...(clientId === undefined ? [] : [[clientId, token.clientId]]),
  ]);
}

function warnOfFailure(event: TokenEvent, warn: (message: string) => void): void {
  if (event.type !== 'renewal-failed') return;
  warn(`the token is not renewed: ${event.message}; next try at ${new Date(event.retryAt).toISOString()}`);
}

function cannotStart(program: string, { code }: NodeJS.ErrnoException, io: Io): number {
  const missing = code === 'ENOENT';
  const message = missing ? 'was not found, or the interpreter that it names' : `cannot be run (${code})`;
  printError(new ConfigInvalidError([{ path: program, message }]), io, { json: false, debug: false });
  return missing ? EXIT.notFound : EXIT.notExecutable;
}
