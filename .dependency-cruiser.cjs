// Who may import whom: DESIGN section 2, written as allow lists. A module that is not named is refused.

/** Matches a package wherever it resolves to, and its separate type package. */
const packages = (...names) => names.map((name) => `^node_modules/(@types/)?${name}/`);
const platform = (...names) => names.map((name) => `^(node:)?${name}$`);

/** Platform modules that reach a network, start processes or run generated code. The worker uses none of them. */
const REACHING_OUT =
  '^(node:)?(child_process|cluster|dgram|dns|dns/promises|http|http2|https|inspector|inspector/promises|repl|tls|vm|wasi)$';

const only = (name, comment, from, allowed) => ({
  name,
  comment,
  severity: 'error',
  from,
  to: { pathNot: allowed },
});

module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      comment: 'A cycle makes two files one.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'resolvable',
      comment: 'Every import leads to a file, a package or the platform.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    only('wire-imports', 'wire/ holds bytes: node:crypto and cbor-x only.', { path: '^wire/' }, [
      '^wire/',
      ...platform('crypto'),
      ...packages('cbor-x'),
    ]),
    {
      name: 'wire-cbor-without-eval',
      comment: 'cbor-x compiles functions at run time and loads a native extractor unless this entry is used.',
      severity: 'error',
      from: { path: '^(wire|verifier|client|enclave|host|cli)/' },
      to: { path: '^node_modules/(cbor-extract/|cbor-x/(?!index\\.d\\.ts$|dist/index-no-eval\\.cjs$))' },
    },
    only(
      'verifier-imports',
      'The published library has no platform module and no package: it also runs in browsers.',
      { path: '^verifier/' },
      ['^verifier/', '^wire/(?!(crypto/)?node\\.ts$)', '^attestations/'],
    ),
    {
      name: 'browsers-load-it',
      comment: 'What the public entries of wire/ and verifier/ reach runs without Node.',
      severity: 'error',
      from: { path: '^(wire|verifier)/index\\.ts$' },
      to: { path: '^(node:)?crypto$', reachable: true },
    },
    only(
      'client-imports',
      'client/ stands on verifier/ and wire/.',
      { path: '^client/', pathNot: '^client/(payment/file-store\\.ts$|node/|proofs/)' },
      ['^client/', '^verifier/', '^wire/'],
    ),
    only(
      'client-proofs-imports',
      'Proofs are checked with the arithmetic of pairings, and with nothing of the rest of client/.',
      { path: '^client/proofs/' },
      ['^client/proofs/', '^wire/', ...packages('@noble')],
    ),
    only(
      'client-node-imports',
      "What is Node's own is apart: HTTP with kept connections, files of archives, and folders of releases.",
      { path: '^client/node/' },
      ['^client/', '^wire/', ...platform('crypto', 'fs/promises', 'http', 'https', 'os', 'path')],
    ),
    {
      name: 'browsers-load-the-client',
      comment: 'What client/web.ts, the audits and the check of proofs reach runs without Node.',
      severity: 'error',
      from: { path: '^client/(web|audit/index|proofs/index)\\.ts$' },
      to: { path: '^(client/node/|(node:)?(crypto|fs/promises|http|https|os|path)$)', reachable: true },
    },
    only(
      'client-store-imports',
      'What a payer has signed survives its process in a file; nothing else of client/ touches one.',
      { path: '^client/payment/file-store\\.ts$' },
      ['^client/payment/', '^client/node/replace-file\\.ts$', '^wire/', ...platform('fs/promises')],
    ),
    only(
      'worker-imports',
      'The measured program has the smallest import graph of all.',
      { path: '^enclave/worker/', pathNot: '^enclave/worker/build/' },
      [
        '^enclave/worker/(?!build/)',
        '^wire/',
        ...platform('[a-z_/]+'),
        ...packages(
          'onnxruntime-node',
          'onnxruntime-common',
          'cbor-x',
          '@huggingface/tokenizers',
          '@huggingface/jinja',
          'koffi',
        ),
      ],
    ),
    {
      name: 'worker-reaches-nothing',
      comment: 'Only the launcher starts processes; nothing in the worker opens a network connection.',
      severity: 'error',
      from: { path: '^enclave/worker/', pathNot: '^enclave/worker/(build/|launcher\\.ts$)' },
      to: { path: REACHING_OUT },
    },
    {
      name: 'worker-has-no-threads',
      comment: 'A thread made before a role puts its filter on itself would be one more thing to think about.',
      severity: 'error',
      from: { path: '^enclave/worker/' },
      to: { path: '^(node:)?worker_threads$' },
    },
    {
      name: 'launcher-starts-processes-only',
      comment: 'The launcher may import node:child_process and nothing else that reaches out.',
      severity: 'error',
      from: { path: '^enclave/worker/launcher\\.ts$' },
      to: { path: REACHING_OUT, pathNot: platform('child_process') },
    },
    only(
      'worker-build-imports',
      'The bundler reads the worker; it is not part of it.',
      { path: '^enclave/worker/build/' },
      ['^enclave/worker/build/', ...platform('[a-z_/]+'), ...packages('esbuild')],
    ),
    only(
      'simulator-imports',
      'The simulator stands in for hardware: it never imports the worker that it measures.',
      { path: '^enclave/simulator/' },
      [
        '^enclave/simulator/',
        '^wire/',
        '^verifier/',
        // What it boots it measures by the formats of images.
        '^enclave/image/(formats/|errors\\.ts$)',
        ...platform('[a-z_/]+'),
        ...packages('node-forge'),
      ],
    ),
    only(
      'image-imports',
      'Image tools describe and measure; they run nothing of the worker.',
      { path: '^enclave/image/' },
      ['^enclave/image/', '^wire/', ...platform('[a-z_/]+')],
    ),
    only(
      'console-page-imports',
      'The console runs in browsers: it verifies with the published library and stands on two small packages.',
      { path: '^host/console/page/' },
      [
        '^host/console/page/',
        '^client/(?!node/|payment/file-store\\.ts$|index\\.ts$)',
        '^verifier/',
        '^wire/(?!(crypto/)?node\\.ts$)',
        '^attestations/',
        ...packages('preact', 'uplot'),
      ],
    ),
    {
      name: 'browsers-load-the-console',
      comment: 'What the page reaches runs without Node.',
      severity: 'error',
      from: { path: '^host/console/page/main\\.tsx$' },
      to: { path: '^(client/node/|(node:)?(crypto|fs/promises|http|https|os|path)$)', reachable: true },
    },
    {
      name: 'the-page-is-bundled',
      comment: 'Nothing that runs in Node loads the page: it is a file that is served.',
      severity: 'error',
      from: { path: '^(wire|verifier|client|enclave|host|cli)/', pathNot: '^host/console/page/' },
      to: { path: '^host/console/page/' },
    },
    only(
      'console-build-imports',
      'The bundler reads the page; it is not part of it.',
      { path: '^host/console/build/' },
      ['^host/console/(build/|digest\\.ts$)', ...platform('[a-z_/]+'), ...packages('esbuild')],
    ),
    only(
      'console-serves-alone',
      'The command serves the same files as the host does, without the packages that a host needs.',
      { path: '^host/console/', pathNot: '^host/console/(page|build)/' },
      ['^host/console/(?!page/)', '^wire/', ...platform('[a-z_/]+')],
    ),
    only(
      'host-imports',
      'The host is untrusted: it may check, and signs nothing but transactions of its operator.',
      { path: '^host/', pathNot: '^host/console/' },
      [
        '^host/',
        '^wire/',
        '^verifier/',
        '^contracts/prover/',
        ...platform('[a-z_/]+'),
        ...packages('express', 'express-serve-static-core', 'lmdb', '@aws-sdk/client-kms', 'viem'),
      ],
    ),
    only(
      'hub-imports',
      'The model hub holds files and signs nothing: no journal, no chain, no key service and no package.',
      { path: '^host/hub/' },
      [
        '^host/(hub|http)/',
        '^host/metrics/(text|operator)\\.ts$',
        '^wire/',
        '^verifier/',
        ...platform('crypto', 'fs', 'fs/promises', 'http', 'net', 'path', 'perf_hooks', 'util'),
      ],
    ),
    {
      name: 'the-hub-stands-alone',
      comment: 'A host that serves workers holds no hub, and a hub serves no workers.',
      severity: 'error',
      from: { path: '^host/', pathNot: '^host/hub/' },
      to: { path: '^host/hub/' },
    },
    only(
      'contract-tools-imports',
      'What builds contracts, writes Solidity and starts a chain is part of no product.',
      { path: '^contracts/(tools|generate)/' },
      ['^contracts/(tools|generate|prover)/', ...platform('[a-z_/]+'), ...packages('viem', 'solc', '@noble')],
    ),
    only(
      'contract-deploy-imports',
      'What puts the contracts on a chain takes them from the tools that build them.',
      { path: '^contracts/deploy/' },
      ['^contracts/(deploy|tools|integer)/', ...packages('viem')],
    ),
    {
      name: 'only-demos-deploy',
      comment: 'A local chain is for cli/ and tests, from a checkout.',
      severity: 'error',
      from: {
        path: '^(wire|verifier|client|enclave|host|attestations|contracts/(tools|generate|prover|integer|circuit))/',
      },
      to: { path: '^contracts/deploy/' },
    },
    only(
      'prover-imports',
      'The prover of hints makes numbers from bytes: it is published and trusted for nothing.',
      {
        path: '^contracts/prover/',
      },
      ['^contracts/prover/', '^verifier/', '^wire/', ...packages('@noble')],
    ),
    only(
      'integer-imports',
      'Integer programs and what is generated from them: published, and pure but for a hash.',
      { path: '^contracts/integer/' },
      ['^contracts/integer/', '^wire/'],
    ),
    only(
      'circuit-imports',
      'Circuits are text made of integer programs: published, and pure.',
      { path: '^contracts/circuit/' },
      ['^contracts/(circuit|integer)/', '^wire/'],
    ),
    {
      name: 'nobody-imports-contract-tools',
      comment: 'They need Foundry, which no user of the package has.',
      severity: 'error',
      from: { path: '^(wire|verifier|client|enclave|host|cli|attestations|contracts/(prover|integer|circuit))/' },
      to: { path: '^contracts/(tools|generate)/' },
    },
    {
      name: 'nobody-imports-cli',
      comment: 'cli/ is wiring only.',
      severity: 'error',
      from: { pathNot: '^(cli|test)/' },
      to: { path: '^cli/' },
    },
    {
      name: 'nobody-imports-tests',
      comment: 'What is shipped stands without the tests.',
      severity: 'error',
      from: { path: '^(wire|verifier|client|enclave|host|cli|attestations)/' },
      to: { path: '^test/' },
    },
    only(
      'example-imports',
      'An example has what a user of the package has: its public entries, and packages of the user.',
      { path: '^examples/' },
      [
        '^examples/',
        '^(wire|verifier|client)/index\\.ts$',
        '^wire/node\\.ts$',
        '^client/web\\.ts$',
        ...platform('[a-z_/]+'),
        ...packages('openai', 'viem', 'esbuild'),
      ],
    ),
    {
      name: 'nobody-imports-examples',
      comment: 'They are for reading, and stand on what is published.',
      severity: 'error',
      from: { pathNot: '^(examples|test)/' },
      to: { path: '^examples/' },
    },
    {
      name: 'attestations-are-data',
      comment: 'Trust anchors and policies import nothing.',
      severity: 'error',
      from: { path: '^attestations/' },
      to: {},
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default'],
    },
  },
};
