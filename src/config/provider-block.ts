import type { ZodType } from 'zod';
import { optionSchemas } from '../../providers/option-schemas.js';
import type { AnyProviderModule } from '../../providers/registry.js';
import { ConfigInvalidError, type ImsvaultError } from '../errors.js';
import type { JsonObject } from '../json.js';
import type { FieldMap } from '../secret/credential.js';
import type { ValidationResult } from '../secret/provider.js';
import { describeIssues } from './issues.js';
import { PROVIDER_NAMES } from './json-schema.js';
import { isModuleName, loadBuiltIn, loadThirdParty } from './provider-module.js';
import { blockOptions } from './store-schema.js';
import { didYouMean } from './suggest.js';
import { isObject, kindOf, omit, type Path, pick } from './tree.js';
import { FOREIGN_MODULE } from './trust.js';

/** One provider, ready to be opened. */
export interface SingleProvider {
  provider: string;
  module: AnyProviderModule;
  /** How to reach the store: the options that are not in `ref`. */
  connection: JsonObject;
  /** Which secret: the options that the module's `refOptions` name. */
  ref: JsonObject;
  fields?: FieldMap;
  /** Bound on one read, in milliseconds. */
  timeoutMs: number;
}

export interface ProviderChainBlock {
  provider: 'chain';
  links: SingleProvider[];
}

export type ProviderBlock = SingleProvider | ProviderChainBlock;

/** Reads blocks of one profile; what is wrong goes to `problem`. */
export interface BlockReader {
  baseDir: string;
  /** Whether a third party's module may be loaded for the block at this path. */
  mayLoad: (path: Path) => boolean;
  keysAt: (path: Path) => readonly string[];
  problem: (path: Path, message: string) => void;
  /** Told of a module that is not there; thrown only if nothing else is wrong. */
  notInstalled: (error: ImsvaultError) => void;
}

export interface ReadBlock<Common> {
  block: SingleProvider;
  /** The parsed options that every block of this kind takes. */
  common: Common;
  /** All options with their defaults, by their names in the config. */
  resolved: JsonObject;
}

/** `credentials`: one provider, or a chain of them. */
export async function readCredentials(
  value: unknown,
  path: Path,
  reader: BlockReader,
): Promise<{ block: ProviderBlock; resolved: JsonObject } | undefined> {
  if (!isObject(value) || value.provider !== 'chain')
    return withFields(await readBlock(value, path, blockOptions, reader));
  for (const key of Object.keys(omit(value, ['provider', 'providers']))) {
    reader.problem([...path, key], `is no option of a chain${didYouMean(key, ['providers'])}`);
  }
  const { providers } = value;
  if (!Array.isArray(providers) || providers.length === 0) {
    const found =
      providers === undefined ? '' : `; it is ${Array.isArray(providers) ? 'an empty list' : kindOf(providers)}`;
    reader.problem([...path, 'providers'], `must be a list of providers${found}`);
    return undefined;
  }
  const links = await Promise.all(
    providers.map(async (link, index) => {
      const linkPath = [...path, 'providers', index];
      if (isObject(link) && link.provider === 'chain') {
        reader.problem(
          [...linkPath, 'provider'],
          'a chain cannot stand inside a chain; put its providers into this one',
        );
        return undefined;
      }
      return withFields(await readBlock(link, linkPath, blockOptions, reader));
    }),
  );
  const read = links.filter((link) => link !== undefined);
  if (read.length < links.length) return undefined;
  return {
    block: { provider: 'chain', links: read.map((link) => link.block) },
    resolved: { provider: 'chain', providers: read.map((link) => link.resolved) },
  };
}

type CredentialOptions = (typeof blockOptions)['_output'];

function withFields(read: ReadBlock<CredentialOptions> | undefined) {
  if (read?.common.fields === undefined) return read;
  return { block: { ...read.block, fields: read.common.fields as FieldMap }, resolved: read.resolved };
}

/**
 * One provider's block: the options that all take, by `commonSchema`, and the provider's own.
 * @param complete makes the provider's own options out of those given
 */
export async function readBlock<Common extends { timeout: number }>(
  value: unknown,
  path: Path,
  commonSchema: ZodType<Common> & { shape: object },
  reader: BlockReader,
  complete: (own: JsonObject, refOptions: readonly string[]) => JsonObject = (own) => own,
): Promise<ReadBlock<Common> | undefined> {
  if (!isObject(value)) {
    reader.problem(path, `must be an object with a "provider"; it is ${kindOf(value)}`);
    return undefined;
  }
  const { provider } = value;
  const commonKeys = Object.keys(commonSchema.shape);
  const common = commonSchema.safeParse(pick(value, commonKeys));
  report(common.error?.issues, value, path, reader);
  if (typeof provider !== 'string') {
    const names = `${PROVIDER_NAMES.join(', ')}, or a module's name`;
    reader.problem([...path, 'provider'], provider === undefined ? `is required: ${names}` : `must be one of ${names}`);
    return undefined;
  }
  const schema = Object.hasOwn(optionSchemas, provider)
    ? (optionSchemas[provider as keyof typeof optionSchemas] as ZodType<JsonObject>)
    : undefined;
  const module =
    schema === undefined ? await findModule(provider, [...path, 'provider'], reader) : await loadBuiltIn(provider);
  if (module === undefined) return undefined;
  const refOptions = module.refOptions.map(String);
  const own = complete(omit(value, ['provider', ...commonKeys]), refOptions);
  const result = schema?.safeParse(own);
  report(result?.error?.issues, own, path, reader);
  const options = schema === undefined ? await validateForeign(module, own, path, reader) : result?.data;
  if (options === undefined || !common.success) return undefined;
  return {
    block: {
      provider,
      module,
      connection: omit(options, refOptions),
      ref: pick(options, refOptions),
      timeoutMs: common.data.timeout,
    },
    common: common.data,
    resolved: { provider, ...options, ...common.data },
  };
}

type Issues = Parameters<typeof describeIssues>[0] | undefined;

function report(issues: Issues, input: unknown, path: Path, reader: BlockReader): void {
  for (const issue of describeIssues(issues ?? [], input, (below) => reader.keysAt([...path, ...below]))) {
    reader.problem([...path, ...issue.path], issue.message);
  }
}

async function findModule(name: string, path: Path, reader: BlockReader): Promise<AnyProviderModule | undefined> {
  const meant = didYouMean(name, PROVIDER_NAMES);
  if (!isModuleName(name)) {
    reader.problem(path, `must be one of ${PROVIDER_NAMES.join(', ')}, or a module's name${meant}`);
    return undefined;
  }
  if (!reader.mayLoad(path)) {
    reader.problem(path, meant === '' ? FOREIGN_MODULE : `unknown provider${meant}`);
    return undefined;
  }
  try {
    return await loadThirdParty(name, reader.baseDir);
  } catch (error) {
    if (error instanceof ConfigInvalidError) for (const { message } of error.problems) reader.problem(path, message);
    else reader.notInstalled(error as ImsvaultError);
    return undefined;
  }
}

/** A third party's messages are shown without any of the values they were made from. */
async function validateForeign(
  module: AnyProviderModule,
  own: JsonObject,
  path: Path,
  reader: BlockReader,
): Promise<JsonObject | undefined> {
  let result: ValidationResult<unknown>;
  try {
    result = await module.options['~standard'].validate(own);
  } catch {
    reader.problem(path, "the module's schema failed on these options");
    return undefined;
  }
  if (result.issues === undefined) {
    if (isObject(result.value)) return result.value;
    reader.problem(path, "the module's schema must give an object");
    return undefined;
  }
  for (const issue of result.issues) {
    const below = (issue.path ?? []).map((key) => String(typeof key === 'object' ? key.key : key));
    reader.problem([...path, ...below], withoutValues(issue.message, own));
  }
  return undefined;
}

function withoutValues(message: string, value: unknown): string {
  const texts: string[] = [];
  JSON.stringify(value, (_key, part: unknown) => {
    if (typeof part === 'string' && part.length > 2) texts.push(part);
    return part;
  });
  // The longest first: one value may be a part of another.
  const clean = texts
    .sort((a, b) => b.length - a.length)
    .reduce((text, part) => text.replaceAll(part, '[value]'), message);
  return clean.slice(0, 300);
}
