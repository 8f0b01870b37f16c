// Bundles the rotation function, its SDK included, and packs it: node infra/lambda/rotation/build.mjs [FOLDER]
// The same sources and packages give the same bytes, so Terraform sees a change only where there is one.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { crc32, deflateRawSync } from 'node:zlib';
import { build } from 'esbuild';

const here = fileURLToPath(new URL('.', import.meta.url));
const folder = resolve(process.argv[2] ?? join(here, 'dist'));
const { outputFiles } = await build({
  entryPoints: [join(here, 'handler.ts')],
  absWorkingDir: here,
  bundle: true,
  write: false,
  format: 'esm',
  platform: 'node',
  target: 'node20.18',
  minify: true,
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module';const require = __createRequire(import.meta.url);",
  },
  legalComments: 'none',
  logLevel: 'warning',
});
mkdirSync(folder, { recursive: true });
const [{ contents: bundle }] = outputFiles;
writeFileSync(join(folder, 'index.mjs'), bundle);
writeFileSync(join(folder, 'rotation.zip'), zipOf('index.mjs', Buffer.from(bundle)));
console.log(join(folder, 'rotation.zip'));

/** A ZIP archive with one file, readable by all, made at the format's first second. Source: PKWARE's APPNOTE.TXT. */
function zipOf(name, content) {
  const packed = deflateRawSync(content, { level: 9 });
  const common = Buffer.alloc(26);
  common.writeUInt16LE(20, 0); // version needed
  common.writeUInt16LE(8, 4); // deflate
  common.writeUInt16LE(0x21, 8); // 1 January 1980
  common.writeUInt32LE(crc32(content), 10);
  common.writeUInt32LE(packed.length, 14);
  common.writeUInt32LE(content.length, 18);
  common.writeUInt16LE(name.length, 22);
  const local = Buffer.concat([Buffer.from('PK\x03\x04'), common, Buffer.from(name), packed]);
  const attributes = Buffer.alloc(14);
  attributes.writeUInt32LE((0o100644 << 16) >>> 0, 6);
  const madeBy = Buffer.from([20, 3]); // Unix: so that the mode counts
  const central = Buffer.concat([Buffer.from('PK\x01\x02'), madeBy, common, attributes, Buffer.from(name)]);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(1, 8);
  end.writeUInt16LE(1, 10);
  end.writeUInt32LE(central.length, 12);
  end.writeUInt32LE(local.length, 16);
  return Buffer.concat([local, central, end]);
}
