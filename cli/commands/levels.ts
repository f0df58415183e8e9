import { askPriceList, clientSuite, judgePriceList, nodeTransport } from '../../client/index.ts';
import { exitCode, UsageError } from '../exit-codes.ts';
import { readLevelsPolicy } from '../levels/policy.ts';
import { priceListJson, priceListText } from '../levels/render.ts';
import { jsonLine } from '../report.ts';
import { parseArguments, textOption } from './arguments.ts';
import type { CommandContext } from './context.ts';

const options = { 'levels-policy': { type: 'string' }, json: { type: 'boolean' } } as const;

export const levelsUsage = `proofmark levels URL [--levels-policy FILE] [--json]
  Which levels a host offers for which model, and at what price: attested, replayed, recomputed, proved. It is the host's
  word. Circuits are held against the releases that name them, auditors and setups against your levels policy. Without one
  nobody is named, and only ceremonies are accepted. Exits 30 where that speaks against an offer.`;

const TIMEOUT_MS = 30_000;

export async function levels(context: CommandContext): Promise<number> {
  const parsed = parseArguments(context.args, options);
  const [url, ...rest] = parsed.positionals;
  if (url === undefined || rest.length > 0) throw new UsageError('name one host URL');
  const policy = await readLevelsPolicy(textOption(parsed, 'levels-policy'));
  const host = nodeTransport({ url, timeoutMs: TIMEOUT_MS });
  const models = await judgePriceList(host, await askPriceList(host), { policy, suite: clientSuite });
  context.write(
    parsed.values['json'] === true ? jsonLine(priceListJson(models)) : priceListText(models, context.style),
  );
  const isRefused = models.some(({ offers }) => offers.some(({ problems }) => problems.length > 0));
  return isRefused ? exitCode.refused : exitCode.accepted;
}
