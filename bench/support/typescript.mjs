// Lets plain Node import this repository's TypeScript: the servers of the live tests. Import it before them.
import { register } from 'node:module';

register('./typescript-hooks.mjs', import.meta.url);
