import { ConfigInvalidError, ImsvaultError } from '../../errors.js';
import { readBoundedFile } from '../../secret/secret-file.js';
import { accessTokenJson } from '../../token/access-token-json.js';
import type { SinkFormat } from './sink-content.js';

/**
 * A sink's content from an eta template, which is code and is run. It sees `it`: the fields of `imsvault token -o json`,
 * and `profile`. It includes no other files.
 * @param file absolute path
 * @param option the option that named the file, for the error's text
 * @throws ERR_CONFIG_INVALID when it cannot be read, or is no template
 */
export async function templateFormat(file: string, option: string): Promise<SinkFormat> {
  const text = await readBoundedFile(file, option).catch((error: unknown) => {
    if (!(error instanceof ImsvaultError)) throw error;
    throw invalid(option, error.message.slice(`${option}: `.length));
  });
  // Most agents have no template.
  const { Eta } = await import('eta/core');
  const eta = new Eta({ autoEscape: false });
  try {
    const template = eta.compile(text.toString('utf8'));
    return ({ profile, token, source, now }) =>
      eta.render(template, { ...accessTokenJson(token, source, now), profile });
  } catch {
    // The parser's message quotes the text.
    throw invalid(option, `${file} is no valid eta template`);
  }
}

function invalid(path: string, message: string): ConfigInvalidError {
  return new ConfigInvalidError([{ path, message }]);
}
