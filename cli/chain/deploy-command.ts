import { formatEther } from 'viem';
import { isVendorRoot } from '../../verifier/anchors.ts';
import { sha256 } from '../../wire/crypto/node.ts';
import { limits } from '../../wire/limits.ts';
import { readSmallFile } from '../audit/source.ts';
import { type Parsed, parseArguments, textOption } from '../commands/arguments.ts';
import type { CommandContext } from '../commands/context.ts';
import { confirm } from '../confirm.ts';
import { exitCode, UsageError } from '../exit-codes.ts';
import { createSteps } from '../progress/steps.ts';
import { heading, jsonLine, rowLines } from '../report.ts';
import { openCompiled } from './compiled.ts';
import { createAll, type DeployedStep, type Deploying, type DryRun, dryRun } from './create.ts';
import { type Deployment, type DeploymentParameters, readDeployment } from './deployment.ts';
import { ChainError } from './errors.ts';
import { openNode, openSender, requireContract } from './node.ts';
import { addressOption, amountOption, chainIdOf, chainOptions, payerOf, payerOptions, rpcOf } from './options.ts';
import { planOf, type RootCertificates, rootDigests } from './plan.ts';

const option = { type: 'string' } as const;
const flag = { type: 'boolean' } as const;

const options = {
  ...chainOptions,
  ...payerOptions,
  ...{
    deployment: option,
    token: option,
    'nitro-root': option,
    'snp-root': { type: 'string', multiple: true } as const,
  },
  ...{ lifetime: option, 'challenge-blocks': option, 'max-age': option, 'max-skew': option, 'close-delay': option },
  ...{ simulated: flag, 'dry-run': flag, yes: flag, json: flag },
} as const;

/** DESIGN section 8's, for chains whose BLOCKHASH is that of the block which `block.number` counts; a day to close a channel. */
const standard = {
  lifetime: 86_400n,
  'challenge-blocks': 256n,
  'max-age': 600n,
  'max-skew': 300n,
  'close-delay': 86_400n,
} as const;

export async function chainDeploy(context: CommandContext): Promise<number> {
  const parsed = parseArguments(context.args, options);
  if (parsed.positionals.length > 0) throw new UsageError('chain deploy takes options only');
  const path = textOption(parsed, 'deployment');
  const token = addressOption(parsed, 'token');
  if (path === undefined || token === undefined) {
    throw new UsageError('--deployment FILE and --token ADDRESS are required');
  }
  const [rpc, payer] = [rpcOf(parsed), payerOf(parsed)];
  const roots = await readRoots(parsed);
  const seconds = (name: keyof typeof standard): string => String(amountOption(parsed, name) ?? standard[name]);
  const parameters: DeploymentParameters = {
    level: parsed.values['simulated'] === true ? 'simulated' : 'vendors',
    token,
    ...rootDigests(roots),
    lifetime: seconds('lifetime'),
    challengeBlocks: seconds('challenge-blocks'),
    maxAge: seconds('max-age'),
    maxSkew: seconds('max-skew'),
    closeDelay: seconds('close-delay'),
  };
  const node = await openNode(rpc, chainIdOf(parsed));
  await requireContract(node, 'token', token);
  const sender = await openSender(node, rpc, payer);
  const begun: Deployment = {
    ...{ format: 'proofmark deployment v1', chainId: String(node.chainId), deployer: sender.address },
    ...{ parameters, contracts: new Map() },
  };
  const before = continued(path, await readDeployment(path), begun);
  const plan = planOf(parameters, roots);
  const deploying: Deploying = { node, sender, compiled: await openCompiled(), plan, path };

  const expected = await dryRun(deploying, before);
  const isJson = parsed.values['json'] === true;
  if (!isJson) context.write(dryRunText(context, node.chainId, parameters, expected));
  if (parsed.values['dry-run'] === true) {
    if (isJson) context.write(jsonLine(JSON.stringify({ dryRun: dryRunJson(expected) })));
    return exitCode.accepted;
  }
  const missing = expected.rows.filter(({ gas }) => gas !== null).length;
  if (missing > 0) {
    if (expected.fee > expected.balance) {
      throw new ChainError(
        'coin_missing',
        `it may cost ${coins(expected.fee)}, and the account has ${coins(expected.balance)}`,
      );
    }
    const answer = await confirm(context, `Create ${missing} contracts?`, { yes: parsed.values['yes'] });
    if (answer === 'no') throw new ChainError('not_agreed', 'nothing was created');
  }
  const steps = createSteps(context, plan.length);
  const told: DeployedStep[] = [];
  steps.begin(`creates ${plan[0]?.name}`);
  const done = await createAll(deploying, before, (step) => {
    told.push(step);
    const next = plan[told.length];
    if (next !== undefined) steps.begin(`creates ${next.name}`);
  }).finally(steps.end);
  context.write(isJson ? jsonLine(JSON.stringify(doneJson(path, done, told))) : doneText(context, path, told));
  return exitCode.accepted;
}

/** Certificates of vendors by their digest; any other has to be called what it is. */
async function readRoots(parsed: Parsed): Promise<RootCertificates> {
  const nitroFile = textOption(parsed, 'nitro-root');
  const snpFiles = parsed.lists['snp-root'] ?? [];
  if (nitroFile === undefined && snpFiles.length === 0) {
    throw new UsageError('--nitro-root FILE.der or --snp-root FILE.der is required: what evidence is traced to');
  }
  const nitro = nitroFile === undefined ? null : await readSmallFile(nitroFile, limits.certificateBytes);
  const snp = await Promise.all(snpFiles.map((file) => readSmallFile(file, limits.certificateBytes)));
  const all = [...(nitro === null ? [] : [nitro]), ...snp];
  const strange = all.filter((root) => !isVendorRoot(sha256(root)));
  if (parsed.values['simulated'] === true) {
    if (strange.length !== all.length)
      throw new ChainError('root_genuine', '--simulated goes with simulated roots only');
  } else if (strange.length > 0) {
    throw new ChainError('root_simulated', 'a root is no vendor’s: --simulated says that nobody vouches for it');
  }
  return { nitro, snp };
}

/** A file of another deployment is left alone. */
function continued(path: string, found: Deployment | undefined, begun: Deployment): Deployment {
  if (found === undefined) return begun;
  const same = (one: unknown, other: unknown): boolean =>
    JSON.stringify(one).toLowerCase() === JSON.stringify(other).toLowerCase();
  if (found.chainId !== begun.chainId) {
    throw new ChainError('deployment_other', `${path} is of chain ${found.chainId}, and the node of ${begun.chainId}`);
  }
  if (!same(found.deployer, begun.deployer)) {
    throw new ChainError('deployment_other', `${path} is of the account ${found.deployer}`);
  }
  for (const [name, value] of Object.entries(begun.parameters)) {
    const was = found.parameters[name as keyof DeploymentParameters];
    if (!same(was, value))
      throw new ChainError('deployment_other', `${path} has another ${name}: ${JSON.stringify(was)}`);
  }
  return found;
}

function coins(wei: bigint): string {
  return `${formatEther(wei)} coins`;
}

function gasText(gas: bigint): string {
  return gas.toLocaleString('en-US');
}

function dryRunText(
  { style }: CommandContext,
  chainId: bigint,
  { level, lifetime, closeDelay }: DeploymentParameters,
  { rows, gas, fee, balance }: DryRun,
): string {
  const lines = rows.map(({ name, address, gas: own, bytes }) => {
    const cost = own === null ? 'stands' : `${gasText(own)} gas`;
    return `  ${name.padEnd(22)} ${cost.padStart(15)}  ${String(bytes).padStart(6)} bytes  ${address}\n`;
  });
  return `${heading(`Deployment on chain ${chainId}`, style)}${lines.join('')}${rowLines([
    ['roots', level === 'simulated' ? 'SIMULATED: nobody vouches for what is registered here' : 'the vendors’ own'],
    ['lifetime', `${lifetime} s; to close a channel ${closeDelay} s`],
    ['in all', `${gasText(gas)} gas, at most ${coins(fee)} of ${coins(balance)}`],
  ])}`;
}

function dryRunJson({ rows, gas, fee, balance }: DryRun): object {
  const contracts = rows.map((row) => ({ ...row, gas: row.gas === null ? null : String(row.gas) }));
  return { contracts, gas: String(gas), fee: String(fee), balance: String(balance) };
}

function doneText({ style }: CommandContext, path: string, steps: readonly DeployedStep[]): string {
  const lines = steps.flatMap(({ name, mined }) =>
    mined === null ? [] : [`  ${name.padEnd(22)} ${gasText(mined.gasUsed).padStart(11)} gas  ${mined.hash}\n`],
  );
  const fee = steps.reduce((sum, { mined }) => sum + (mined?.fee ?? 0n), 0n);
  const gas = steps.reduce((sum, { mined }) => sum + (mined?.gasUsed ?? 0n), 0n);
  const rows = rowLines([
    ['paid', `${gasText(gas)} gas, ${coins(fee)}`],
    ['written', path],
  ]);
  return `${heading('Created', style)}${lines.join('')}${rows}`;
}

function doneJson(
  path: string,
  { chainId, parameters, contracts }: Deployment,
  steps: readonly DeployedStep[],
): object {
  return {
    deployment: path,
    chainId,
    level: parameters.level,
    contracts: Object.fromEntries([...contracts].map(([name, { address }]) => [name, address])),
    transactions: steps.flatMap(({ name, mined }) =>
      mined === null
        ? []
        : [{ what: `create ${name}`, hash: mined.hash, gasUsed: String(mined.gasUsed), fee: String(mined.fee) }],
    ),
  };
}
