import { Document, isMap, isScalar } from 'yaml';
import { profileSchema } from '../config/json-schema.js';
import { listOptions } from '../config/option-tree.js';
import { dotted } from '../config/tree.js';

const HEAD = ` yaml-language-server: $schema=./node_modules/imsvault/dist/config.schema.json
 Made by imsvault init. It says where the client secret is and holds no secret itself: it may be committed.`;

/** The config as YAML, with what each option means above it. */
export function configText(config: object): string {
  const document = new Document(config, { aliasDuplicateObjects: false });
  document.commentBefore = HEAD;
  for (const { path, node } of listOptions(profileSchema(), config)) {
    const parent = document.getIn(path.slice(0, -1));
    const pair = isMap(parent) ? parent.items.find(({ key }) => isScalar(key) && key.value === path.at(-1)) : undefined;
    // What is said of the credentials need not be said again of the token store.
    if (!isScalar(pair?.key) || node.description === undefined || !dotted(path).startsWith('credentials.')) continue;
    pair.key.commentBefore = ` ${node.description.replace(/ Default [^\n]*$/, '')}`;
  }
  return document.toString({ lineWidth: 0 });
}
