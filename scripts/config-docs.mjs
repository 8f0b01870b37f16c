// The tables of docs/configuration.md. Each stands between <!-- table: NAME --> and <!-- end -->.

export function docTables({ profileSchema, agentSchema, everyOption, variableName, guardedOptions }) {
  const profile = profileSchema();
  const { ims, renewal, rotation, credentials, tokenStore } = profile.properties;
  const common = ['timeout', 'fields'];
  const forStore = ['timeout', 'create', 'onMismatch', 'onUnavailable'];
  const builtIn = credentials.oneOf.filter((block) => block.properties.provider.const !== undefined);
  const [anyBlock] = builtIn;
  const [anyStore] = tokenStore.oneOf;
  return new Map([
    ['ims', optionTable(ims)],
    ['renewal', optionTable(renewal)],
    ['rotation', optionTable(rotation)],
    ['agent', optionTable(agentSchema())],
    ['cache', optionTable(only(profile, ['cache']))],
    ['block', optionTable(only(anyBlock, common))],
    ['tokenStore', optionTable(only(anyStore, forStore))],
    ...builtIn.map((block) => [block.title, optionTable(without(block, ['provider', ...common]))]),
    ['variables', variableTable(everyOption(profile), profile.properties, variableName)],
    [
      'guarded',
      guardedOptions()
        .map((option) => `- \`${option}\``)
        .join('\n'),
    ],
  ]);
}

export function insertTables(text, tables) {
  const used = new Set();
  const result = text.replace(/(<!-- table: ([\w-]+) -->\n)[\s\S]*?(<!-- end -->)/g, (_all, head, name, tail) => {
    const table = tables.get(name);
    if (table === undefined) throw new Error(`docs/configuration.md: there is no table "${name}"`);
    used.add(name);
    return `${head}\n${table}\n\n${tail}`;
  });
  const missing = [...tables.keys()].filter((name) => !used.has(name));
  if (missing.length > 0) throw new Error(`docs/configuration.md has no place for: ${missing.join(', ')}`);
  return result;
}

function optionTable(node) {
  const rows = rowsOf(node, '');
  return ['| Option | Type | Meaning |', '|---|---|---|', ...rows.map((row) => `| ${row.join(' | ')} |`)].join('\n');
}

function rowsOf(node, prefix) {
  const required = new Set(node.required ?? []);
  return Object.entries(node.properties ?? {}).flatMap(([key, child]) => {
    const name = `${prefix}${key}`;
    const own = [`\`${name}\`${required.has(key) ? ' (required)' : ''}`, typeOf(child), cell(child.description)];
    if (child.oneOf !== undefined) return [own, ...methodRows(child, name)];
    if (child.items?.properties !== undefined) return [own, ...rowsOf(child.items, `${name}[].`)];
    return child.properties === undefined ? [own] : [own, ...rowsOf(child, `${name}.`)];
  });
}

/** `auth`: an option of several methods is one row. */
function methodRows(node, name) {
  const rows = new Map();
  for (const branch of node.oneOf) {
    const method = branch.properties.method.const;
    for (const [key, child] of Object.entries(branch.properties)) {
      if (key === 'method') continue;
      const id = `${key}\n${child.description}`;
      const row = rows.get(id) ?? { key, child, methods: [] };
      row.methods.push(method);
      rows.set(id, row);
    }
  }
  const methods = node.oneOf
    .map(({ properties: { method } }) => `\`${method.const}\`: ${cell(method.description)}`)
    .join('<br>');
  return [
    [`\`${name}.method\``, 'choice', methods],
    ...[...rows.values()].map(({ key, child, methods: of }) => [
      `\`${name}.${key}\``,
      typeOf(child),
      `${cell(child.description)} (${of.map((method) => `\`${method}\``).join(', ')})`,
    ]),
  ];
}

function typeOf(node) {
  if (node.writeOnly) return 'secret';
  if (node.oneOf ?? node.properties) return 'group';
  if (node.enum !== undefined) return node.enum.map((value) => `\`${value}\``).join(', ');
  if (node.anyOf?.some((branch) => branch.type === 'array')) return 'list or text';
  if (node.anyOf?.some((branch) => branch.type === 'boolean')) return 'true/false';
  const types = [node.type].flat();
  if (types.includes('number') && types.includes('string')) return 'duration';
  if (node.anyOf?.some((branch) => branch.type === 'integer')) return 'text or whole number';
  return { string: 'text', boolean: 'true/false', integer: 'whole number', array: 'list' }[types[0]] ?? types[0];
}

function variableTable(options, parts, variableName) {
  const rows = options.map(({ path }) => {
    const [top, ...rest] = path;
    const blocks = (parts[top].oneOf ?? []).filter(({ title }) => title !== undefined && title !== 'chain');
    const owners = blocks.filter((block) => has(block, rest)).map((block) => block.title);
    const note = owners.length < blocks.length ? owners.join(', ') : '';
    return `| \`${variableName(path)}\` | \`${path.join('.')}\` | ${note} |`;
  });
  return ['| Variable | Option | Only for |', '|---|---|---|', ...rows].join('\n');
}

function has(node, [key, ...rest]) {
  if (key === undefined) return true;
  return (node.oneOf ?? [node]).some((branch) => {
    const child = branch.properties?.[key];
    return child !== undefined && has(child, rest);
  });
}

const cell = (text = '') => text.replaceAll('|', '\\|');
const filter = (node, keep) => ({
  ...node,
  properties: Object.fromEntries(Object.entries(node.properties).filter(([key]) => keep(key))),
});
const only = (node, keys) => filter(node, (key) => keys.includes(key));
const without = (node, keys) => filter(node, (key) => !keys.includes(key));
