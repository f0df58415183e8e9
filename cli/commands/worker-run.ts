import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { startSupervisor, workerSocketPath } from '../../enclave/simulator/supervisor.ts';
import { openRelease, type Release } from '../../host/releases.ts';
import { WireError } from '../../wire/errors.ts';
import { limits } from '../../wire/limits.ts';
import { decodeConfiguration } from '../../wire/message/configuration.ts';
import { CommandError, exitCode, UsageError } from '../exit-codes.ts';
import { readBytes, required } from '../model/hub-options.ts';
import { createSteps } from '../progress/steps.ts';
import { heading, jsonLine, paint, rowLines } from '../report.ts';
import { type DemoFiles, type ServedRelease, writeConfiguration } from '../stack/demo-files.ts';
import { simulatorPolicy } from '../stack/policy.ts';
import { HOST_PORT } from '../stack/port.ts';
import { openTier, requireTier } from '../stack/tiers.ts';
import { type Parsed, parseArguments, textOption, tierOption } from './arguments.ts';
import type { CommandContext } from './context.ts';
import { platformOption, platformOptions } from './platform.ts';

const options = {
  ...platformOptions,
  tier: { type: 'string' },
  release: { type: 'string' },
  state: { type: 'string' },
  configuration: { type: 'string' },
  json: { type: 'boolean' },
} as const;

/** What a machine's owner runs in an enclave, on a machine that has none: signer and worker, and no host. */
export async function workerRun(context: CommandContext): Promise<number> {
  const parsed = parseArguments(context.args, options);
  if (parsed.positionals.length > 0) throw new UsageError('worker run takes options only');
  const stateDirectory = resolve(required(parsed, 'state'));
  const release = openServed(required(parsed, 'release'));
  const tierName = tierOption(parsed);
  const platform = platformOption(parsed);
  requireTier(tierName, platform);
  const steps = createSteps(context);
  steps.begin(`starts signer and worker: ${tierName}`);
  await mkdir(stateDirectory, { recursive: true, mode: 0o700 });
  const files = await configured(parsed, stateDirectory, release);
  const { tier } = await openTier(tierName, { stateDirectory, platform });
  const supervisor = await startSupervisor({
    ...{ stateDirectory, tier, host: 'elsewhere' },
    onEvent: (event) => {
      if (event.kind === 'failed') context.warn(`${event.role} failed: ${event.detail}\n`);
      if (event.kind === 'warning') context.warn(`WARNING: ${event.warning.detail}\n`);
    },
  });
  try {
    const { measurement, rootCertificate } = supervisor;
    const rules = simulatorPolicy({ platform, measurement, rootCertificate, files, now: context.now() });
    const policy = join(stateDirectory, 'policy.json');
    await writeFile(policy, `${JSON.stringify(rules, null, 2)}\n`);
    steps.end();
    const link = workerSocketPath(stateDirectory);
    tell(context, parsed, { link, policy, configuration: files.configurationFile, release: files.releaseDirectory });
    await supervisor.stopped;
  } finally {
    await supervisor.stop();
  }
  return exitCode.accepted;
}

interface Running {
  readonly link: string;
  readonly policy: string;
  readonly configuration: string;
  readonly release: string;
}

function tell({ style, write }: CommandContext, parsed: Parsed, running: Running): void {
  const { link, policy, configuration, release } = running;
  if (parsed.values['json'] === true) {
    write(jsonLine(JSON.stringify({ level: 'simulated', ...running })));
    return;
  }
  write(heading('Worker', style));
  write(`  ${'level'.padEnd(20)}${paint(style, 33, 'simulated: nobody vouches for it')}\n`);
  write(
    rowLines([
      ['link', link],
      ['configuration', configuration],
      ['policy', policy],
    ]),
  );
  write(`\n  Its host, in another terminal:\n`);
  write(`    proofmark host --link ${link} --configuration ${configuration} --release ${release} \\\n`);
  write(`      --state ${join(policy, '..', 'host')} --listen 127.0.0.1:${HOST_PORT}\n`);
  write(`  Then ask it:\n    proofmark infer http://127.0.0.1:${HOST_PORT} --policy ${policy}\n`);
  write('  stop with Ctrl-C\n');
}

function openServed(directory: string): ServedRelease {
  let release: Release;
  try {
    release = openRelease(resolve(directory));
  } catch (error) {
    throw new CommandError(`${directory} holds no signed release: ${(error as Error).message}`);
  }
  return { modelId: release.modelId, owner: release.manifest.owner, releaseDirectory: resolve(directory) };
}

async function configured(parsed: Parsed, state: string, release: ServedRelease): Promise<DemoFiles> {
  const file = textOption(parsed, 'configuration');
  if (file === undefined) return writeConfiguration(state, release, undefined);
  try {
    const configuration = decodeConfiguration(await readBytes(file, limits.configurationBytes));
    return { ...release, configuration, configurationFile: resolve(file) };
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    throw new CommandError(`${file} is no configuration: ${error.message}`);
  }
}
