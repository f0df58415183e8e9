import { type Ability, abilities } from '../doctor/abilities.ts';
import { examine } from '../doctor/examine.ts';
import { type Machine, PROGRAM_MILLISECONDS } from '../doctor/machine.ts';
import { renderJson, renderText } from '../doctor/render.ts';
import { thisMachine } from '../doctor/this-machine.ts';
import { exitCode, UsageError } from '../exit-codes.ts';
import { parseArguments } from './arguments.ts';
import { type CommandContext, defaultStateDirectory } from './context.ts';

export const doctorUsage = `proofmark doctor [--json]
  What this machine can do, and what to do about what it cannot: program, packages, confinement, virtual machines,
  enclave hardware, memory, disk, ports. It only looks: nothing is changed, sent, or left running. Exits 0 where the
  demo can run, 1 where not. The form of --json: attestations/schemas/proofmark-doctor.schema.json`;

export async function doctor(context: CommandContext): Promise<number> {
  const where = { now: context.now(), stateFolder: defaultStateDirectory() };
  return doctorOf(context, thisMachine({ ...where, programMilliseconds: PROGRAM_MILLISECONDS }));
}

export async function doctorOf(context: CommandContext, machine: Machine): Promise<number> {
  const parsed = parseArguments(context.args, { json: { type: 'boolean' } });
  if (parsed.positionals.length > 0) throw new UsageError('doctor takes no names: proofmark doctor [--json]');
  const findings = await examine(machine);
  const able = abilities(findings);
  const isJson = parsed.values['json'] === true;
  context.write(isJson ? renderJson(findings, able) : renderText(findings, able, context.style));
  return canRunTheDemo(able) ? exitCode.accepted : exitCode.failed;
}

function canRunTheDemo(able: readonly Ability[]): boolean {
  return able.some(({ id, answer }) => id === 'demo' && answer !== 'no');
}
