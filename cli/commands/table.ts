import { helpText as hostOptionsText } from '../../host/options/table.ts';
import { auditUsage } from './audit.ts';
import { auditorCommands, auditorUsage } from './auditor.ts';
import { chainCommands, chainUsage } from './chain.ts';
import { chatUsage } from './chat.ts';
import { circuitCommands, circuitUsage } from './circuit.ts';
import { completionRow } from './completion.ts';
import { configurationUsage } from './configuration.ts';
import { consoleUsage } from './console.ts';
import { doctorUsage } from './doctor.ts';
import { evidenceUsage } from './evidence.ts';
import { hubUsage } from './hub.ts';
import { imageUsage } from './image.ts';
import { inferUsage } from './infer.ts';
import { kmsUsage } from './kms.ts';
import { levelsUsage } from './levels.ts';
import { logUsage } from './log.ts';
import { modelCommands, modelUsage } from './model.ts';
import { proveUsage } from './prove.ts';
import { receiptsUsage } from './receipts.ts';
import { replayUsage } from './replay.ts';
import type { CommandRow } from './row.ts';
import { verifyProofUsage } from './verify-proof.ts';
import { workerCommands, workerUsage } from './worker.ts';

/** Every command, once: the program, its help, docs/commands.md, the completion of shells and a test are made from this. */

// Of commands whose own files need optional packages, which nobody needs who asks for help.
const upUsage = `proofmark up [--port PORT] [--state DIR] [--release DIR] [--tier process|vm] [--chain local|none] [--json]
             [--tee aws-nitro | --tee amd-sev-snp [--product milan|genoa|turin]]
  Starts signer, worker (in a sandbox, or in a machine of its own) and host on loopback, runs one inference, prints
  its audit, and keeps serving. From a checkout also a local chain with all contracts: the worker is registered by its
  evidence, the inference is paid from a channel and claimed, and one request of a contract is answered.
  --release serves a model of yours, in a folder as \`proofmark model init\` writes it, without a chain.
  With --json one document once it serves: attestations/schemas/proofmark-demo.schema.json`;

const demoUsage = `proofmark demo [--tier process|vm] [--chain local|none] [--json]
               [--tee aws-nitro | --tee amd-sev-snp [--product milan|genoa|turin]]
proofmark demo --level attested|replayed|recomputed|proved [--json]
  The same once, in a folder of its own; exits 0 if every check passed. With a level: one question over volatility-1h-int8
  is settled on the local chain at that level, wrong answers are tried and refused, and what it costs is told
  (docs/spectrum.md holds the levels against each other).
  attested: a worker answers, and its receipt settles. replayed: two of three auditors compute the answer again, and sign it,
  too. recomputed: a contract computes the model itself, without a worker. proved: a contract checks a proof that the model
  makes this answer, without a worker; it needs snarkjs, and the keys of this model are of a dev setup.
  With --json one document: attestations/schemas/proofmark-demo-level.schema.json`;

const kitUsage = `proofmark kit --measurements FILE --out DIR [--template POLICY] [--json]
  What a first worker needs around it: a release key, a signed demo model, a configuration, and a policy that accepts
  just them and the measured image. The policy's other rules come from the shipped default, or from the template.`;

const hostUsage = `proofmark host --link SOCKET --state DIR --listen ADDRESS:PORT --configuration FILE.cbor --release DIR...
               [--metrics ADDRESS:PORT] [--certificates DIR] [--settlement FILE]
               [--console on|off] [--statistics public|none]
               [--kms-region REGION] [--kms-endpoint URL]
  Serves a worker that runs elsewhere: relays requests, keeps the journal, hands out evidence. Nobody needs to trust it.
  --certificates is for AMD machines that bring none of their own: certificates and revocation lists, fetched before.
  --settlement says how the operator is paid: chain, account, and the policies that it works for.
  --console (on unless said otherwise) is a page for people at /console/, which says that its code came from this host.
  --statistics public lets everybody read sums over all callers at /v1/statistics; otherwise nobody can.
  Events go to the error stream, one JSON line each.

${hostOptionsText().trimEnd()}`;

const rows: readonly CommandRow[] = [
  {
    name: 'up',
    task: 'try',
    summary: 'start everything on this machine, prove one answer, keep serving',
    usage: upUsage,
    load: async () => (await import('./up.ts')).up,
  },
  {
    name: 'demo',
    task: 'try',
    summary: 'the same once; nothing of it stays',
    usage: demoUsage,
    load: async () => (await import('./up.ts')).demo,
  },
  {
    name: 'doctor',
    task: 'try',
    summary: 'what this machine can do, and what to do about what it cannot',
    usage: doctorUsage,
    load: async () => (await import('./doctor.ts')).doctor,
  },
  {
    name: 'audit',
    task: 'check',
    summary: 'check a saved answer, an attestation document, or the worker behind a host',
    usage: auditUsage,
    load: async () => (await import('./audit.ts')).audit,
  },
  {
    name: 'console',
    task: 'check',
    summary: 'look at a host in a browser, judged by the code of this package',
    usage: consoleUsage,
    load: async () => (await import('./console.ts')).console,
  },
  {
    name: 'evidence',
    task: 'check',
    summary: 'save what somebody else needs to judge a host’s evidence again',
    usage: evidenceUsage,
    load: async () => (await import('./evidence.ts')).evidence,
  },
  {
    name: 'receipts',
    task: 'check',
    summary: 'look up what a worker signed for a request, or its newest head',
    usage: receiptsUsage,
    load: async () => (await import('./receipts.ts')).receipts,
  },
  {
    name: 'levels',
    task: 'check',
    summary: 'which levels a host offers for which model, and at what price',
    usage: levelsUsage,
    load: async () => (await import('./levels.ts')).levels,
  },
  {
    name: 'replay',
    task: 'check',
    summary: 'compute an answer again and compare its bits',
    usage: replayUsage,
    load: async () => (await import('./replay.ts')).replayCommand,
  },
  {
    name: 'auditor',
    task: 'check',
    summary: 'compute answers of others again as a service, and publish what comes of it',
    usage: auditorUsage,
    commands: auditorCommands,
    load: async () => (await import('./auditor.ts')).auditor,
  },
  {
    name: 'prove',
    task: 'check',
    summary: 'prove an answer of a small integer model, or write the contract that computes it',
    usage: proveUsage,
    load: async () => (await import('./prove.ts')).prove,
  },
  {
    name: 'verify-proof',
    task: 'check',
    summary: 'check a proof, and of which answer it is',
    usage: verifyProofUsage,
    load: async () => (await import('../circuit/proof-commands.ts')).verifyProofCommand,
  },
  {
    name: 'log',
    task: 'check',
    summary: 'take a whole log out of a stopped host, and check it by itself',
    usage: logUsage,
    load: async () => (await import('./log.ts')).log,
  },
  {
    name: 'infer',
    task: 'ask',
    summary: 'one sealed call of a model of tensors',
    usage: inferUsage,
    load: async () => (await import('./infer.ts')).infer,
  },
  {
    name: 'chat',
    task: 'ask',
    summary: 'a conversation with a language model',
    usage: chatUsage,
    load: async () => (await import('./chat.ts')).chat,
  },
  {
    name: 'model',
    task: 'publish',
    summary: 'write, check, publish, pull and try releases of models',
    usage: modelUsage,
    commands: modelCommands,
    load: async () => (await import('./model.ts')).model,
  },
  {
    name: 'circuit',
    task: 'publish',
    summary: 'circuits of small integer models, and the setups that proofs stand on',
    usage: circuitUsage,
    commands: circuitCommands,
    load: async () => (await import('./circuit.ts')).circuit,
  },
  {
    name: 'hub',
    task: 'publish',
    summary: 'keep releases and hand them out',
    usage: hubUsage,
    load: async () => (await import('./hub.ts')).hub,
  },
  {
    name: 'image',
    task: 'run',
    summary: 'build, measure, describe and verify enclave images',
    usage: imageUsage,
    load: async () => (await import('./image.ts')).image,
  },
  {
    name: 'worker',
    task: 'check',
    summary: 'the workers behind a host, and whether each is proven',
    usage: workerUsage,
    commands: workerCommands,
    load: async () => (await import('./worker.ts')).worker,
  },
  {
    name: 'configuration',
    task: 'run',
    summary: 'write or show the frame that tells a worker what it may do',
    usage: configurationUsage,
    load: async () => (await import('./configuration.ts')).configuration,
  },
  {
    name: 'kit',
    task: 'run',
    summary: 'a release, a configuration and a policy for a first worker',
    usage: kitUsage,
    load: async () => (await import('./kit.ts')).kit,
  },
  {
    name: 'host',
    task: 'run',
    summary: 'serve workers that run elsewhere',
    usage: hostUsage,
    load: async () => (await import('./host.ts')).host,
  },
  {
    name: 'kms',
    task: 'run',
    summary: 'seal releases for one image; check key policies',
    usage: kmsUsage,
    load: async () => (await import('./kms.ts')).kms,
  },
  {
    name: 'chain',
    task: 'pay',
    summary: 'deploy, register, rule, open channels and settle',
    usage: chainUsage,
    commands: chainCommands,
    load: async () => (await import('./chain.ts')).chain,
  },
];

export const commandTable: readonly CommandRow[] = [...rows, completionRow(rows)];
