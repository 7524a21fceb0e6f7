/**
 * Who may know whom. A layer may import what its line in LAYERS lists and itself, nothing else under lib/:
 *
 *   types limits contract errors runtime callbacks ← paxos ← wire storage transport ← replica
 *     ← client kv simulation torture ← backup http ← cluster ← cli, index
 *
 * observe/ lies below replica/, not above: replicas publish to its channels, and subscribers need no import.
 */
const NOUNS = '^lib/(types|limits|contract|errors|runtime|suspend-clock|callbacks)\\.ts$';

const layer = (name) => `^lib/${name}/`;

/** What each folder may import besides itself and the nouns. */
const LAYERS = {
  paxos: [],
  native: [],
  observe: ['paxos'],
  wire: ['paxos'],
  storage: ['paxos', 'native'],
  transport: ['paxos', 'wire', 'observe'],
  replica: ['paxos', 'wire', 'storage', 'transport', 'observe'],
  client: ['paxos', 'wire', 'transport', 'replica', 'observe'],
  backup: ['paxos', 'wire', 'storage', 'transport', 'replica', 'client'],
  kv: ['paxos', 'wire', 'replica', 'observe'],
  http: ['paxos', 'transport', 'replica', 'client', 'observe'],
  simulation: ['paxos', 'wire', 'storage', 'transport', 'replica', 'native', 'observe'],
  torture: ['paxos', 'wire', 'storage', 'transport', 'replica', 'native', 'observe', 'simulation'],
};

const layerRules = Object.entries(LAYERS).map(([name, below]) => ({
  name: `layer-${name}`,
  comment: `lib/${name}/ may import the nouns${below.map((other) => `, ${other}/`).join('')} and itself`,
  severity: 'error',
  from: { path: layer(name) },
  to: { path: '^lib/', pathNot: [NOUNS, layer(name), ...below.map(layer)] },
}));

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    ...layerRules,
    {
      name: 'nouns-know-nothing',
      comment: 'types, limits, contract, errors and runtime import only one another; suspend-clock reads a file',
      severity: 'error',
      from: { path: NOUNS, pathNot: '^lib/suspend-clock[.]ts$' },
      to: { pathNot: NOUNS },
    },
    {
      name: 'paxos-is-pure',
      comment: 'the core is sans-IO: no Node.js modules and no packages, types included',
      severity: 'error',
      from: { path: layer('paxos') },
      to: { pathNot: '^lib/' },
    },
    {
      name: 'addon-behind-storage',
      comment: 'below simulation/ and torture/, only storage/pmem*, the CRC and the file backend’s flusher and lock may import lib/native',
      severity: 'error',
      from: { path: layer('storage'), pathNot: '^lib/storage/(pmem|crc64|checksum|file/flusher|file/lock)[^/]*\\.ts$' },
      to: { path: layer('native') },
    },
    {
      name: 'nobody-imports-the-top',
      comment: 'cli/ and index.ts are for users, cluster/ is for cli/; inside, import the file that has the thing',
      severity: 'error',
      from: { path: '^lib/', pathNot: '^lib/(cli|cluster)/' },
      to: { path: '^lib/(cli/|cluster/|index\\.ts$)' },
    },
    {
      name: 'cluster-below-cli',
      comment: 'supervision knows no command line',
      severity: 'error',
      from: { path: '^lib/cluster/' },
      to: { path: '^lib/(cli/|index\\.ts$)' },
    },
    {
      name: 'no-cycles',
      comment: 'type-only cycles aside, a cycle means two files are one',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'no-undeclared-packages',
      comment: 'what lib/ imports is in "dependencies" (or an optional peer), or comes with Node.js',
      severity: 'error',
      from: { path: '^lib/' },
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown', 'npm-dev', 'unknown', 'undetermined'] },
    },
    {
      name: 'resolvable',
      comment: 'every import leads to a file',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'types'] },
  },
};
