import fc from 'fast-check';

/** `[[[…]]]` or `{"a":{"a":…}}`, deeper than what a recursive reader of it can stand. */
function nested(depth: number, isList: boolean): unknown {
  let value: unknown = 'bottom';
  for (let level = 0; level < depth; level++) value = isList ? [value] : { a: value };
  return value;
}

const ODD_TEXTS = [
  ...[
    '',
    ' ',
    '0',
    '-1',
    '1e3',
    '1e999',
    'null',
    'true',
    '\0',
    '\r\nx-evil: 1',
    '\u2028',
    '\ud800',
    '\ufeff',
    '\ufffd',
  ],
  ...['__proto__', 'constructor', 'toString', '${X}', '$${', '${', '<<', '*a', '!!js', '[', '["a"', '../../etc/passwd'],
  ...['a'.repeat(300), 'a'.repeat(5000), '9'.repeat(400), '2030-01-01T00:00:00Z', '9999-12-31T23:59:59.999Z'],
];

/** Values of the wrong kind, of an odd size, or with a meaning elsewhere. */
export const oddValues: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 10, arbitrary: fc.constantFrom<unknown>(null, true, false, [], {}, [[]], [''], ...ODD_TEXTS) },
  { weight: 6, arbitrary: fc.constantFrom<unknown>(0, -0, -1, 1, 0.5, 1e-9, 1e21, 1e308, 2 ** 53, -(2 ** 53)) },
  { weight: 4, arbitrary: fc.jsonValue({ maxDepth: 2 }) },
  { weight: 2, arbitrary: fc.string({ unit: 'binary', maxLength: 40 }) },
);
const deepValues = fc
  .tuple(fc.constantFrom(10, 100, 1000, 7000), fc.boolean())
  .map(([depth, isList]) => nested(depth, isList));

interface Change {
  /** Which of the tree's places, by its number. */
  at: number;
  kind: 'delete' | 'replace' | 'rename' | 'add' | 'wrap';
  key: string;
  value: unknown;
}

const keys = fc.oneof(
  fc.constantFrom('__proto__', 'constructor', 'client_secret', 'access_token', 'schema', '', 'a.b', 'x'.repeat(200)),
  fc.string({ maxLength: 12 }),
);
const changes: fc.Arbitrary<Change> = fc.record({
  at: fc.nat(1000),
  kind: fc.constantFrom('delete', 'replace', 'replace', 'replace', 'rename', 'add', 'wrap'),
  key: keys,
  value: fc.oneof({ weight: 60, arbitrary: oddValues }, { weight: 1, arbitrary: deepValues }),
});

type Container = Record<string, unknown>;

/** Every place below `tree`: what holds it, and under which key. */
function placesOf(tree: unknown, found: [Container, string][] = []): [Container, string][] {
  if (typeof tree !== 'object' || tree === null || found.length > 200) return found;
  for (const key of Object.keys(tree)) {
    found.push([tree as Container, key]);
    placesOf((tree as Container)[key], found);
  }
  return found;
}

// Not an assignment: "__proto__" is to be a key like another.
function put(container: Container, key: string, value: unknown): void {
  Object.defineProperty(container, key, { value, enumerable: true, configurable: true, writable: true });
}

function change(tree: unknown, { at, kind, key, value }: Change): unknown {
  const places = placesOf(tree);
  const place = places[at % (places.length + 1)];
  if (place === undefined) return kind === 'replace' ? value : tree;
  const [container, old] = place;
  const before = container[old];
  // JSON has no lists with names in them.
  if (Array.isArray(container) && (kind === 'rename' || kind === 'add')) return tree;
  if (kind === 'delete' && Array.isArray(container)) container.splice(Number(old), 1);
  else if (kind === 'delete' || kind === 'rename') delete container[old];
  if (kind === 'rename') put(container, key, before);
  if (kind === 'replace') put(container, old, value);
  if (kind === 'add') put(container, key, value);
  if (kind === 'wrap') put(container, old, [before]);
  return tree;
}

/** Documents of `valid`, as they are or with up to three changes. */
export function mutated(valid: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  return fc
    .tuple(valid, fc.array(changes, { maxLength: 3 }))
    .map(([tree, list]) => list.reduce(change, structuredClone(tree)));
}

const edits = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  remove: fc.oneof({ weight: 3, arbitrary: fc.constantFrom(0, 1, 2) }, { weight: 1, arbitrary: fc.nat(400) }),
  insert: fc.oneof(
    fc.constantFrom(...ODD_TEXTS, '\n', '\t', '"', '\\', '{', '}', ']', ',', ':', '#', '=', '&', '%', '*', '- '),
    fc.string({ unit: 'binary', maxLength: 4 }),
  ),
});

/** Texts of `valid`, as they are or with up to three edits. */
export function mutatedText(valid: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc.tuple(valid, fc.array(edits, { maxLength: 3 })).map(([text, list]) =>
    list.reduce((now, { at, remove, insert }) => {
      const start = Math.floor(at * now.length);
      return now.slice(0, start) + insert + now.slice(start + remove);
    }, text),
  );
}

/** JSON of changed documents, of which some are edited as texts too. */
export function mutatedJson(valid: fc.Arbitrary<unknown>): fc.Arbitrary<string> {
  const json = mutated(valid).map((tree) => stringify(tree));
  return fc.oneof({ weight: 4, arbitrary: json }, { weight: 1, arbitrary: mutatedText(json) });
}

/** JSON.stringify calls itself, and ends at some depth. */
export function stringify(tree: unknown): string {
  try {
    return JSON.stringify(tree) ?? 'null';
  } catch {
    return `${'[['.repeat(3500)}${']]'.repeat(3500)}`;
  }
}

/** Between 20 and 60 characters that no message of the project holds by chance. */
export const secrets: fc.Arbitrary<string> = fc
  .tuple(
    fc.string({ unit: fc.constantFrom(...'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'), minLength: 16, maxLength: 40 }),
    fc.constantFrom('', '-', '/+', ' ', '%&=', '"\\', 'é'),
  )
  .map(([text, odd]) => `p8e-${text}${odd}${text.slice(0, 4)}`);

export const iso = (ms: number) => new Date(ms).toISOString();
export const jwt = (claims: unknown) => `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.c2ln`;
