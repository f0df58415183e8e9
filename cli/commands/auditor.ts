import type { Command } from './context.ts';
import type { FamilyCommands } from './family.ts';
import { familyOf } from './family.ts';

export const auditorUsage = `proofmark auditor key|serve|audit|compare
  What it takes to be an auditor: a key of its own and a machine that computes again. An auditor is believed by those who
  name its key. Its processor is as it reports itself, and bits are compared within one class of processors only.`;

const keyUsage = `proofmark auditor key --out FILE [--links N] [--json]
  Makes an auditor's key and the hash chain that decides what it samples, in a file that only you read. What it prints is
  to be published before the first audit: public key, number of links, anchor, and the signature over them.`;

const serveUsage = `proofmark auditor serve --key FILE --listen HOST:PORT --state DIR --policy FILE (--hub URL | --release DIR...)
                        [--deadline SECONDS] [--token-file FILE]
  Computes answers again for whoever sends a .proofmark file with its payloads, and signs an approval for one payment where
  the file passes the policy and the bits are the same on the same class of processor; else it says why not by a code.
  Also hands out the commits and findings that \`auditor audit\` writes into the same folder. Nobody needs a key to ask.`;

const auditUsage = `proofmark auditor audit --key FILE --host URL --state DIR --policy FILE (--hub URL | --release DIR...)
                        [--log HEX] [--sample N | --index I...] [--peer URL=KEY...] [--wait SECONDS] [--json]
  Takes the newest head that the host shows of a worker's log, draws N leaves by the next link of the key's hash chain,
  asks for what was disclosed, computes it again, commits to each finding, waits for the commits of its peers, and shows
  its findings, to the host as well. Exits 20 where an answer has other bits, 40 where bytes are missing.
  --index looks at leaves that somebody names, which is no sample.`;

const compareUsage = `proofmark auditor compare FILE... [--json]
  Holds findings of several auditors against one another, offline: their signatures, commits and draws, who agrees, which
  receipt is wrong, and who signed what it did not compute. Exits 20 where anybody is exposed or a receipt is wrong.`;

export const auditorCommands: FamilyCommands = {
  key: { usage: keyUsage, load: async () => (await import('../auditor/commands.ts')).auditorKey },
  serve: { usage: serveUsage, load: async () => (await import('../auditor/commands.ts')).auditorServe },
  audit: { usage: auditUsage, load: async () => (await import('../auditor/commands.ts')).auditorAudit },
  compare: { usage: compareUsage, load: async () => (await import('../auditor/commands.ts')).auditorCompare },
};

export const auditor: Command = familyOf('auditor', auditorCommands);
