import {
  type Document,
  type ErrorCode,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  Lexer,
  LineCounter,
  Parser,
  parseDocument,
  visit,
} from 'yaml';
import { ConfigInvalidError, type ConfigProblem } from '../errors.js';
import type { Path } from './tree.js';

/** Enough for shared blocks; far from what a file of nested aliases needs to fill the memory. */
const MAX_ALIASES = 50;

/** Of the parser's own levels, of which a list in an object has two; configs have a dozen. */
const MAX_DEPTH = 100;

/** The parser's own messages quote the text, which may hold a secret. */
const REASONS: Partial<Record<ErrorCode, string>> = {
  BAD_ALIAS: 'an alias is not valid here',
  BAD_DQ_ESCAPE: 'a "\\" in double quotes begins no known escape',
  BAD_INDENT: 'the indentation is wrong',
  BAD_SCALAR_START: 'a text that begins with this character needs quotes',
  BLOCK_AS_IMPLICIT_KEY: 'a ":" inside a text needs quotes, or a line break is missing',
  DUPLICATE_KEY: 'this key was given before',
  MISSING_CHAR: 'a quote, a bracket or a ":" is missing',
  MULTILINE_IMPLICIT_KEY: 'a key goes over several lines; is a ":" missing?',
  MULTIPLE_DOCS: 'the file holds more than one document',
  NON_STRING_KEY: 'a key must be a text',
  TAB_AS_INDENT: 'YAML is indented by spaces, not by tabs',
};

export interface ParsedConfig {
  value: unknown;
  /** The line of a value, or of the nearest one around it that exists; from 1. */
  lineOf(path: Path): number | undefined;
}

/**
 * @param name the file's name as problems show it
 * @throws ERR_CONFIG_INVALID with line and column of each problem, and without the text that stands there
 */
export function parseConfigText(text: string, name: string): ParsedConfig {
  const lineCounter = new LineCounter();
  const source = text.replace(/^\uFEFF/, '');
  checkDepth(source, name);
  const document = parseDocument(source, { prettyErrors: false, lineCounter, stringKeys: true, merge: true });
  const at = (offset: number | undefined) => {
    if (offset === undefined) return name;
    const { line, col } = lineCounter.linePos(offset);
    return `${name}:${line}:${col}`;
  };
  const problems: ConfigProblem[] = document.errors.map((error) => ({
    path: '',
    message: `not valid ${isJson(name) ? 'JSON' : 'YAML'}: ${REASONS[error.code] ?? 'unexpected text'}`,
    source: at(error.pos[0]),
  }));
  problems.push(...odditiesOf(document, at));
  if (problems.length === 0 && isEmpty(document)) {
    problems.push({ path: '', message: 'the config file is empty', source: name });
  }
  if (problems.length === 0 && isJson(name)) problems.push(...strictJson(source, at));
  if (problems.length > 0) throw new ConfigInvalidError(problems);
  return { value: toValue(document, name), lineOf: (path) => lineOf(document, lineCounter, path) };
}

/** Its nodes were checked, but for what "<<" merges. */
function toValue(document: Document, name: string): unknown {
  try {
    return document.toJS();
  } catch {
    throw new ConfigInvalidError([{ path: '', message: 'a "<<" merges something that is no object', source: name }]);
  }
}

const isEmpty = ({ contents }: Document) => contents === null || (isScalar(contents) && contents.value === null);

const isJson = (name: string) => name.endsWith('.json');

/**
 * What builds the document calls itself for each level; where the stack ends inside a regular expression, V8 ends the
 * process. This part of the parser does not.
 */
function checkDepth(source: string, name: string): void {
  const lineCounter = new LineCounter();
  const parser = new Parser(lineCounter.addNewLine);
  for (const lexeme of new Lexer().lex(source)) {
    for (const _document of parser.next(lexeme));
    if (parser.stack.length <= MAX_DEPTH) continue;
    const { line, col } = lineCounter.linePos(parser.offset);
    const message = `it is nested more than ${MAX_DEPTH} levels deep`;
    throw new ConfigInvalidError([{ path: '', message, source: `${name}:${line}:${col}` }]);
  }
}

/** What is YAML, but has no place in a config. */
function odditiesOf(document: Document, at: (offset?: number) => string): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const complain = (message: string, node: { range?: readonly number[] | null | undefined }) =>
    problems.push({ path: '', message, source: at(node.range?.[0]) });
  let aliases = 0;
  visit(document, (_key, node, path) => {
    if (!isNode(node)) return;
    if (isAlias(node)) {
      const target = node.resolve(document);
      if (target === undefined) complain('an alias names no anchor before it', node);
      else if (path.includes(target)) complain('an alias stands inside its own anchor', node);
      // An alias to something with aliases multiplies; configs need no such depth.
      else if (!isScalar(target) && containsAlias(target)) complain('an alias to something with aliases', node);
      if (++aliases === MAX_ALIASES + 1) complain(`more than ${MAX_ALIASES} aliases`, node);
    } else if (node.tag !== undefined) {
      complain('tags ("!…") are not allowed', node);
    }
  });
  return problems;
}

function containsAlias(node: Parameters<typeof visit>[0]): boolean {
  let found = false;
  visit(node, {
    Alias() {
      found = true;
      return visit.BREAK;
    },
  });
  return found;
}

/** The YAML parser also takes comments, trailing commas and single quotes. */
function strictJson(text: string, at: (offset?: number) => string): ConfigProblem[] {
  try {
    JSON.parse(text);
    return [];
  } catch (error) {
    const position = /\bposition (\d+)\b/.exec((error as Error).message)?.[1];
    const message = 'not valid JSON: comments, trailing commas and single quotes are YAML';
    return [{ path: '', message, source: at(position === undefined ? undefined : Number(position)) }];
  }
}

function lineOf(document: Document, lineCounter: LineCounter, path: Path): number | undefined {
  let node: unknown = document.contents;
  let offset: number | undefined;
  for (const key of path) {
    if (isAlias(node)) node = node.resolve(document);
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(key));
      if (pair === undefined) break;
      if (isScalar(pair.key)) offset = pair.key.range?.[0] ?? offset;
      node = pair.value;
    } else if (isSeq(node)) {
      const item = node.items[Number(key)];
      if (!isNode(item)) break;
      offset = item.range?.[0] ?? offset;
      node = item;
    } else break;
  }
  return offset === undefined ? undefined : lineCounter.linePos(offset).line;
}
