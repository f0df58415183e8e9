import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fetchTransport } from '../../client/index.ts';
import { toHex } from '../../wire/bytes.ts';
import { limits } from '../../wire/limits.ts';
import { bundleFiles, judgeBundle, rejudge } from '../evidence-bundle.ts';
import { CommandError, exitCode, exitCodeOf, UsageError } from '../exit-codes.ts';
import { jsonLine, printable } from '../report.ts';
import { type Parsed, parseArguments, textOption } from './arguments.ts';
import type { CommandContext } from './context.ts';

export const evidenceUsage = `proofmark evidence URL --policy FILE --out DIR [--note TEXT] [--json]
proofmark evidence --check DIR [--json]
  Asks a host for evidence with a fresh challenge, judges it now, and saves everything that somebody else needs to judge
  it again: the evidence as served, the challenge, the time, the policy, and the audit. Exits as audit does. --check
  judges such a folder again as of its day, and exits 20 where the folder says something else of itself.`;

const options = {
  policy: { type: 'string' },
  out: { type: 'string' },
  note: { type: 'string' },
  check: { type: 'string' },
  json: { type: 'boolean' },
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
  const { verdict, code } = report;
  if (isJson(parsed)) context.write(jsonLine(JSON.stringify({ verdict, code, out })));
  else context.write(`${verdict}${code === null ? '' : ` (${code})`}  saved in ${out}\n`);
  return exitCodeOf(report.verdict);
}

async function checkAgain(context: CommandContext, folder: string, parsed: Parsed): Promise<number> {
  const { positionals, values } = parsed;
  const given = Object.keys(values).filter((name) => name !== 'json');
  if (positionals.length > 0 || given.length > 1) throw new UsageError('--check takes one folder and nothing else');
  const { said, found } = await rejudge(folder);
  const verdict = `${found.verdict}${found.code === null ? '' : ` (${found.code})`}`;
  const isSame = said.verdict === found.verdict && said.code === found.code;
  if (isJson(parsed)) {
    const claimed = { verdict: said.verdict, code: said.code };
    context.write(jsonLine(JSON.stringify({ verdict: found.verdict, code: found.code, said: claimed })));
    return isSame ? exitCodeOf(found.verdict) : exitCode.untrusted;
  }
  if (!isSame) {
    const claimed = `${said.verdict}${said.code === null ? '' : ` (${said.code})`}`;
    context.warn(`proofmark: the folder says ${printable(claimed)}, and its evidence is ${verdict}\n`);
    return exitCode.untrusted;
  }
  context.write(`${verdict}  as the folder says\n`);
  return exitCodeOf(found.verdict);
}

function isJson({ values }: Parsed): boolean {
  return values['json'] === true;
}
