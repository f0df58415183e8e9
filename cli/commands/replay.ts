import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openRelease, type Release } from '../../host/releases.ts';
import { type ArchiveVerdict, parseUnverifiedArchive, VerifierError, verifyArchive } from '../../verifier/index.ts';
import { equalBytes, toHex } from '../../wire/bytes.ts';
import { nodeSuite } from '../../wire/crypto/node.ts';
import { limits } from '../../wire/limits.ts';
import type { Archive } from '../../wire/message/archive.ts';
import { CommandError, exitCode, exitCodeOf, UsageError } from '../exit-codes.ts';
import type { Tolerance } from '../model/compare.ts';
import { hubOptions, onlyPositional, readBytes } from '../model/hub-options.ts';
import { modelPull } from '../model/pull.ts';
import { replayJson, replayText } from '../replay/render.ts';
import { replay } from '../replay/replay.ts';
import type { ReplayReport } from '../replay/report.ts';
import { readStatement, type Statement } from '../replay/statement.ts';
import { jsonLine, printable } from '../report.ts';
import { type Parsed, parseArguments, textOption } from './arguments.ts';
import type { CommandContext } from './context.ts';
import { readPolicy } from './policy-file.ts';

const options = {
  ...hubOptions,
  release: { type: 'string' },
  policy: { type: 'string' },
  purpose: { type: 'string' },
  tolerance: { type: 'string' },
} as const;

export const replayUsage = `proofmark replay FILE.proofmark --release DIR | --hub URL [--policy FILE [--purpose live|archive]]
                 [--tolerance exact|NUMBER] [--token-file FILE] [--json]
  Computes an answer again and compares bits: the release is taken by its digest, from a folder or a hub, and run by the
  worker's own code in a confined process. Exits 0 for the same bits, 20 for others on the same class of processor, and 40
  where that cannot be told: another class (--tolerance then says how far a value may be off, which is a verdict of its
  own), another engine, no request in the file. With --policy also who signed the receipt is judged, as audit does.`;

/** Somebody else's computer is not believed, nor is this one's by others: this shows its owner, and whoever repeats it. */
export async function replayCommand(context: CommandContext): Promise<number> {
  const parsed = parseArguments(context.args, options);
  const file = onlyPositional(parsed, 'one .proofmark file');
  const tolerance = toleranceOf(parsed);
  const archive = readArchive(file, await readBytes(file, limits.archiveBytes));
  const receipt = await judgeReceipt(context, parsed, archive);
  const reading = readStatement(archive);
  if ('statement' in reading) {
    const { statement } = reading;
    const report = await withRelease(context, parsed, statement, (release) =>
      replay(statement, { release, tolerance }),
    );
    return show(context, parsed, { archive, receipt, report });
  }
  if (reading.problem === 'not-replayable') {
    const { code, detail } = reading;
    const nothing = { execution: [], sameClass: false, milliseconds: null } as const;
    return show(context, parsed, { archive, receipt, report: { verdict: 'not-replayable', code, detail, ...nothing } });
  }
  if (parsed.values['json'] === true) {
    context.write(
      jsonLine(JSON.stringify({ verdict: 'untrusted', code: 'contradicts_itself', detail: reading.detail })),
    );
  }
  context.warn(`${printable(file)}: ${reading.detail}\n`);
  return exitCode.untrusted;
}

interface Shown {
  readonly archive: Archive;
  readonly receipt: ArchiveVerdict | null;
  readonly report: ReplayReport;
}

function show(context: CommandContext, parsed: Parsed, { archive, receipt, report }: Shown): number {
  const judged = {
    replay: report,
    receipt: receipt === null ? null : { verdict: receipt.verdict, code: codeOf(receipt) },
    model: toHex(archive.receipt.subarray(64, 96)),
    requestId: toHex(archive.receipt.subarray(0, 32)),
  };
  context.write(parsed.values['json'] === true ? replayJson(judged) : replayText(judged, context.style));
  // Other bits than a proven worker signed are the worst of it, whatever else is not as it should be.
  if (report.verdict === 'differs') return exitCode.untrusted;
  if (receipt !== null && receipt.verdict !== 'accepted') return exitCodeOf(receipt.verdict);
  return report.verdict === 'replayed' || report.verdict === 'replayed-elsewhere'
    ? exitCode.accepted
    : exitCode.undetermined;
}

function codeOf(receipt: ArchiveVerdict): string | null {
  return receipt.verdict === 'accepted' ? null : receipt.code;
}

function toleranceOf(parsed: Parsed): Tolerance {
  const text = textOption(parsed, 'tolerance') ?? 'exact';
  if (text === 'exact') return 'exact';
  const value = Number(text);
  if (!/^[0-9.e-]+$/i.test(text) || !Number.isFinite(value) || value < 0) {
    throw new UsageError(`--tolerance ${text} is not "exact" or a number, as 1e-5`);
  }
  return value;
}

function readArchive(file: string, bytes: Uint8Array): Archive {
  try {
    return parseUnverifiedArchive(bytes);
  } catch (error) {
    if (!(error instanceof VerifierError)) throw error;
    throw new CommandError(`${file}: ${error.message}`);
  }
}

async function judgeReceipt({ now }: CommandContext, parsed: Parsed, archive: Archive): Promise<ArchiveVerdict | null> {
  const path = textOption(parsed, 'policy');
  const purpose = textOption(parsed, 'purpose') ?? 'live';
  if (purpose !== 'live' && purpose !== 'archive') throw new UsageError(`--purpose ${purpose} is not live or archive`);
  if (path === undefined) return null;
  return verifyArchive(archive, {
    policy: await readPolicy(path),
    purpose: purpose === 'live' ? { kind: 'live', now: now() } : { kind: 'archive' },
    suite: nodeSuite,
    cache: 'none',
  });
}

/** A folder that is there, or one that is pulled for this and goes with it. */
async function withRelease<T>(
  context: CommandContext,
  parsed: Parsed,
  { modelId }: Statement,
  work: (release: Release) => Promise<T>,
): Promise<T> {
  const folder = textOption(parsed, 'release');
  const hub = textOption(parsed, 'hub');
  if ((folder === undefined) === (hub === undefined)) throw new UsageError('--release DIR or --hub URL, one of them');
  if (folder !== undefined) return work(openNamed(folder, modelId));
  const directory = await mkdtemp(join(tmpdir(), 'proofmark-replay-'));
  try {
    const out = join(directory, 'release');
    await modelPull({ ...context, write: () => undefined, args: pullArguments(parsed, { modelId, out }) });
    return await work(openNamed(out, modelId));
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Whose release it is the receipt's model id says; one that was taken back since is computed again all the same. */
function pullArguments(
  parsed: Parsed,
  { modelId, out }: { readonly modelId: Uint8Array; readonly out: string },
): readonly string[] {
  const passed = ['hub', 'token-file', 'memory'].flatMap((name) => {
    const value = textOption(parsed, name);
    return value === undefined ? [] : [`--${name}`, value];
  });
  const quiet = parsed.values['json'] === true || parsed.values['quiet'] === true ? ['--quiet'] : [];
  return [toHex(modelId), '--publisher', 'any', '--allow-yanked', '--out', out, ...passed, ...quiet];
}

function openNamed(directory: string, modelId: Uint8Array): Release {
  let release: Release;
  try {
    release = openRelease(directory);
  } catch (error) {
    throw new CommandError(`${directory}: ${(error as Error).message}`);
  }
  if (equalBytes(release.modelId, modelId)) return release;
  throw new CommandError(
    `${directory} is the release ${toHex(release.modelId)}; the receipt is about ${toHex(modelId)}`,
  );
}
