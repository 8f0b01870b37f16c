import { resolvePath } from '../secret/secret-file.js';
import type { ResolvedProfile } from './load.js';
import type { SingleProvider } from './provider-block.js';
import { dotted, mapLeaves } from './tree.js';

/** Whether an option of a provider is the path of a file that is read. */
export const namesFile = (provider: string, option: string): boolean =>
  option.endsWith('File') || option === 'dotenv' || (provider === 'file' && option === 'path');

/** The files that a profile reads: absolute path → the option that names it. */
export function filesNamed({ baseDir, ims, credentials, tokenStore }: ResolvedProfile): Map<string, string> {
  const found = new Map<string, string>();
  if (ims.caFile !== undefined) found.set(ims.caFile, 'ims.caFile');
  const inBlock = (block: SingleProvider, at: string) =>
    mapLeaves({ ...block.connection, ...block.ref }, (value, path) => {
      const isPath = typeof value === 'string' && namesFile(block.provider, String(path.at(-1)));
      if (isPath) found.set(resolvePath(value, baseDir), `${at}.${dotted(path)}`);
      return value;
    });
  if (tokenStore !== undefined) inBlock(tokenStore, 'tokenStore');
  if (credentials === undefined) return found;
  if ('links' in credentials) {
    for (const [index, link] of credentials.links.entries()) inBlock(link, `credentials.providers.${index}`);
  } else inBlock(credentials, 'credentials');
  return found;
}
