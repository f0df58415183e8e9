import { auditUsage } from './commands/audit.ts';
import { chatUsage } from './commands/chat.ts';
import { configurationUsage } from './commands/configuration.ts';
import { doctorUsage } from './commands/doctor.ts';
import { evidenceUsage } from './commands/evidence.ts';
import { hubUsage } from './commands/hub.ts';
import { imageUsage } from './commands/image.ts';
import { inferUsage } from './commands/infer.ts';
import { kmsUsage } from './commands/kms.ts';
import { logUsage } from './commands/log.ts';
import { modelUsage } from './commands/model.ts';
import { proveUsage } from './commands/prove.ts';
import { receiptsUsage } from './commands/receipts.ts';
import { replayUsage } from './commands/replay.ts';
import { exitCodeLines } from './exit-codes.ts';

// Of commands whose own files need optional packages, which nobody needs who asks for help.
const upUsage = `proofmark up [--port PORT] [--state DIR] [--tier process|vm] [--chain local|none]
             [--tee aws-nitro | --tee amd-sev-snp [--product milan|genoa|turin]]
  Starts signer, worker (in a sandbox, or in a machine of its own) and host on loopback, runs one inference, prints
  its audit, and keeps serving. From a checkout also a local chain with all contracts: the worker is registered by its
  evidence, the inference is paid from a channel and claimed, and one request of a contract is answered.`;

const demoUsage = `proofmark demo [--tier process|vm] [--chain local|none]
               [--tee aws-nitro | --tee amd-sev-snp [--product milan|genoa|turin]]
  The same once, in a folder of its own; exits 0 if every check passed.`;

const kitUsage = `proofmark kit --measurements FILE --out DIR [--template POLICY]
  What a first worker needs around it: a release key, a signed demo model, a configuration, and a policy that accepts
  just them and the measured image. The policy's other rules come from the shipped default, or from the template.`;

const hostUsage = `proofmark host --link SOCKET --state DIR --listen ADDRESS:PORT --configuration FILE.cbor --release DIR...
               [--metrics ADDRESS:PORT] [--certificates DIR] [--settlement FILE]
               [--kms-region REGION] [--kms-endpoint URL]
  Serves a worker that runs elsewhere: relays requests, keeps the journal, hands out evidence. Nobody needs to trust it.
  --certificates is for AMD machines that bring none of their own: certificates and revocation lists, fetched before.
  --settlement says how the operator is paid: chain, account, and the policies that it works for.
  Events go to the error stream, one JSON line each.`;

/** What each command says of itself, in the order of `proofmark --help`. */
export const usages: Readonly<Record<string, string>> = {
  up: upUsage,
  demo: demoUsage,
  doctor: doctorUsage,
  audit: auditUsage,
  infer: inferUsage,
  chat: chatUsage,
  receipts: receiptsUsage,
  replay: replayUsage,
  evidence: evidenceUsage,
  configuration: configurationUsage,
  kms: kmsUsage,
  log: logUsage,
  image: imageUsage,
  model: modelUsage,
  prove: proveUsage,
  kit: kitUsage,
  host: hostUsage,
  hub: hubUsage,
};

export const PURPOSE = 'Proofmark: check which code ran which model on which input.';

export function helpText(): string {
  const codes = exitCodeLines().map((line) => `  ${line}`);
  const parts = [PURPOSE, ...Object.values(usages), ['Exit codes', ...codes].join('\n')];
  return `${parts.join('\n\n')}\n`;
}
