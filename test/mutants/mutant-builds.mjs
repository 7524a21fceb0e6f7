/**
 * Builds of the sources, mutated or not, in a scratch folder: the addon from native/, the library from lib/
 * with its types stripped. A mutant's build compiles what its change touches and takes the rest from the
 * unmutated one.
 */
import { execFile, execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import ts from 'typescript';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const run = promisify(execFile);

const FLAGS = ['-std=c++20', '-O1', '-fPIC', '-fno-exceptions', '-fno-rtti', '-fvisibility=hidden'];
const DEFINES = ['NAPI_VERSION=9', 'NAPI_DISABLE_CPP_EXCEPTIONS', 'NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS'];

function nodeHeaders() {
  const candidates = [join(dirname(process.execPath), '..', 'include', 'node'), '/usr/include/node'];
  const found = candidates.find((path) => existsSync(join(path, 'node_api.h')));
  if (found === undefined) throw new Error(`no node_api.h in ${candidates.join(' or ')}`);
  return found;
}

const INCLUDES = [nodeHeaders(), dirname(createRequire(import.meta.url).resolve('node-addon-api'))];

/** Objects that are compiled at a time. */
const COMPILATIONS = 2;

/** The sources that an object was made from. */
function sourcesOf(object) {
  return readFileSync(`${object}.d`, 'utf8').replaceAll('\\\n', ' ').split(/\s+/).slice(1);
}

async function compile(name, directory) {
  const object = join(directory, `${name}.o`);
  const options = [
    ...FLAGS,
    ...DEFINES.map((define) => `-D${define}`),
    ...INCLUDES.map((path) => `-I${path}`),
  ];
  await run('g++', [...options, '-MMD', '-MF', `${object}.d`, '-c', join('native', name), '-o', object], {
    cwd: directory,
  });
  return object;
}

/**
 * Compiles the sources in `directory`, but those of which `like`, a build of the same sources without what is
 * `changed`, has the object; and links. @returns the addon's path.
 */
async function buildAddon(directory, like, changed) {
  const names = readdirSync(join(directory, 'native')).filter((file) => file.endsWith('.cc'));
  const isSame = (name) =>
    like !== undefined && !sourcesOf(join(like, `${name}.o`)).some((path) => changed.has(path));
  const objects = names.filter(isSame).map((name) => join(like, `${name}.o`));
  const queue = names.filter((name) => !isSame(name));
  const compiler = async () => {
    for (let name = queue.shift(); name !== undefined; name = queue.shift())
      objects.push(await compile(name, directory));
  };
  await Promise.all(Array.from({ length: COMPILATIONS }, compiler));
  const addon = join(directory, 'indelible.node');
  await run('g++', ['-shared', '-o', addon, ...objects.sort(), '-ldl'], { cwd: directory });
  return addon;
}

/** The unmutated addon and library. */
export async function buildUnmutated(directory) {
  const native = join(directory, 'addon');
  cpSync(join(ROOT, 'native'), join(native, 'native'), { recursive: true });
  const addon = await buildAddon(native);
  const library = join(directory, 'library');
  for (const name of readdirSync(join(ROOT, 'lib'), { recursive: true })) {
    if (name.endsWith('.ts')) strip(`lib/${name}`, readFileSync(join(ROOT, 'lib', name), 'utf8'), library);
  }
  cpSync(join(ROOT, 'package.json'), join(library, 'package.json'));
  symlinkSync(join(ROOT, 'node_modules'), join(library, 'node_modules'));
  return { native, addon, library };
}

/** Strips the types of one source into the folder `library`. @throws for one that does not parse. */
export function strip(file, text, library) {
  const { outputText, diagnostics } = ts.transpileModule(text, {
    fileName: file,
    reportDiagnostics: true,
    compilerOptions: {
      target: ts.ScriptTarget.ES2023,
      module: ts.ModuleKind.ESNext,
      verbatimModuleSyntax: true,
    },
  });
  if (diagnostics.length > 0) throw new Error(`${file} does not parse`);
  const target = join(library, file).replace(/\.ts$/, '.js');
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(target, outputText);
}

/**
 * The addon and library with the files of `changed` (path → text) in place.
 */
export async function buildMutant(directory, unmutated, changed) {
  let { addon, library } = unmutated;
  const files = Object.entries(changed);
  if (files.some(([file]) => file.startsWith('native/'))) {
    const native = join(directory, 'addon');
    cpSync(join(unmutated.native, 'native'), join(native, 'native'), { recursive: true });
    for (const [file, text] of files) if (file.startsWith('native/')) writeFileSync(join(native, file), text);
    addon = await buildAddon(native, unmutated.native, new Set(files.map(([file]) => file)));
  }
  if (files.some(([file]) => file.startsWith('lib/'))) {
    library = join(directory, 'library');
    cpSync(unmutated.library, library, { recursive: true, verbatimSymlinks: true });
    for (const [file, text] of files) if (file.startsWith('lib/')) strip(file, text, library);
  }
  return { addon, library };
}

/** What a patch makes of the files it touches: path → text. @throws when it does not apply. */
export function patchedFiles(patch, scratch) {
  const files = [...readFileSync(patch, 'utf8').matchAll(/^\+\+\+ b\/(\S+)$/gm)].map((match) => match[1]);
  for (const file of files) {
    mkdirSync(dirname(join(scratch, file)), { recursive: true });
    cpSync(join(ROOT, file), join(scratch, file));
  }
  execFileSync('git', ['apply', patch], { cwd: scratch, stdio: 'pipe' });
  return Object.fromEntries(files.map((file) => [file, readFileSync(join(scratch, file), 'utf8')]));
}
