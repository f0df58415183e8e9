import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fetchTransport } from '../../client/index.ts';
import { toHex } from '../../wire/bytes.ts';
import { limits } from '../../wire/limits.ts';
import { bundleFiles, judgeBundle, rejudge } from '../evidence-bundle.ts';
import { CommandError, exitCode, exitCodeOf, UsageError } from '../exit-codes.ts';
import { printable } from '../report.ts';
import { type Parsed, parseArguments, textOption } from './arguments.ts';
import type { CommandContext } from './context.ts';

export const evidenceUsage = `proofmark evidence URL --policy FILE --out DIR [--note TEXT]
  Asks a host for evidence with a fresh challenge, judges it now, and saves everything that somebody else needs to judge
  it again: the evidence as served, the challenge, the time, the policy, and the audit. Exits as audit does.`;

const options = {
  policy: { type: 'string' },
  out: { type: 'string' },
  note: { type: 'string' },
  check: { type: 'string' },
} as const;
const NOTE_CHARACTERS = 1_024;

export async function evidence(context: CommandContext): Promise<number> {
  const parsed = parseArguments(context.args, options);
  const check = textOption(parsed, 'check');
  if (check !== undefined) return checkAgain(context, check, parsed);
  const [url, ...rest] = parsed.positionals;
  const [policyFile, out] = [textOption(parsed, 'policy'), textOption(parsed, 'out')];
  const note = textOption(parsed, 'note') ?? '';
  if (url === undefined || rest.length > 0) throw new UsageError('name one host URL');
  if (policyFile === undefined || out === undefined) throw new UsageError('--policy FILE and --out DIR are required');
  if (note.length > NOTE_CHARACTERS) throw new UsageError(`--note has at most ${NOTE_CHARACTERS} characters`);

  const challenge = new Uint8Array(randomBytes(32));
  const path = `/v1/evidence?challenge=${toHex(challenge)}`;
  const served = await fetchTransport({ url, timeoutMs: 30_000 }).get(path, limits.evidenceBytes);
  const at = context.now();
  const { report, policy } = await judgeBundle({ served, challenge, at, policyFile, name: url });
  try {
    // A folder of its own: evidence of two occasions must not mix.
    await mkdir(out);
    const files = bundleFiles({ served, challenge, at, policy, report, note });
    for (const [name, content] of Object.entries(files)) await writeFile(join(out, name), content, { flag: 'wx' });
  } catch (error) {
    throw new CommandError(`cannot write ${out}: ${(error as Error).message}`);
  }
  context.write(`${report.verdict}${report.code === null ? '' : ` (${report.code})`}  saved in ${out}\n`);
  return exitCodeOf(report.verdict);
}

async function checkAgain(context: CommandContext, folder: string, { positionals, values }: Parsed): Promise<number> {
  if (positionals.length > 0 || Object.keys(values).length > 1)
    throw new UsageError('--check takes one folder and nothing else');
  const { said, found } = await rejudge(folder);
  const verdict = `${found.verdict}${found.code === null ? '' : ` (${found.code})`}`;
  if (said.verdict !== found.verdict || said.code !== found.code) {
    const claimed = `${said.verdict}${said.code === null ? '' : ` (${said.code})`}`;
    context.warn(`proofmark: the folder says ${printable(claimed)}, and its evidence is ${verdict}\n`);
    return exitCode.untrusted;
  }
  context.write(`${verdict}  as the folder says\n`);
  return exitCodeOf(found.verdict);
}
