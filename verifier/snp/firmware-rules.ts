import { equalBytes, toHex } from '../../wire/bytes.ts';
import type { ParsedSnpReport, SnpFirmware } from '../codec/snp-report.ts';
import { isTcbAtMost, readTcb } from '../codec/snp-tcb.ts';
import type { RefusedCode } from '../errors.ts';
import type { TcbFloor, TcbFloors, TurinTcbFloor } from '../policy/snp-policy.ts';
import { failed, notAsked, passed } from '../rules.ts';
import type { SnpFinding, SnpPolicyContext, SnpRule } from './context.ts';

type TcbName = keyof SnpPolicyContext['policy']['tcb'];

/** S10 to S12 and S25: how old the code is on which the guest's secrecy rests. */
export const firmwareRules: readonly SnpRule[] = [
  { id: 'S10', title: 'neither the committed nor the reported TCB is above the current one', run: tcbsAreOrdered },
  { id: 'S10.provisional', title: 'the running firmware is committed and cannot go back', run: firmwareIsCommitted },
  floorRule('reported', 'S11.reported', 'the reported TCB reaches every minimum'),
  floorRule('committed', 'S11.committed', 'the committed TCB reaches every minimum'),
  floorRule('launch', 'S11.launch', 'the TCB at launch reached every minimum'),
  versionRule('current', 'S12.current', 'the running firmware is new enough'),
  versionRule('committed', 'S12.committed', 'the committed firmware is new enough'),
  mitigationRule('launch', 'S25.launch', 'the mitigations were in place at launch'),
  mitigationRule('current', 'S25.current', 'the mitigations are in place'),
];

/** Genuine firmware never reports otherwise, so this one is in no policy. */
function tcbsAreOrdered({ report }: SnpPolicyContext): SnpFinding {
  const { currentTcb, reportedTcb, committedTcb } = report;
  if (!isTcbAtMost(committedTcb, currentTcb)) return failed('tcb_order', 'committed above current');
  if (!isTcbAtMost(reportedTcb, currentTcb)) return failed('tcb_order', 'reported above current');
  if (compare(report.committedFirmware, report.currentFirmware) > 0) {
    return failed('tcb_order', 'committed firmware above the current one');
  }
  return passed(toHex(currentTcb));
}

function firmwareIsCommitted({ policy, report }: SnpPolicyContext): SnpFinding {
  if (policy.provisionalFirmware === 'allow') return notAsked('the policy allows firmware that is not committed');
  const committed =
    equalBytes(report.committedTcb, report.currentTcb) &&
    compare(report.committedFirmware, report.currentFirmware) === 0;
  return committed ? passed('committed') : failed('firmware_provisional', 'current and committed differ');
}

function floorRule(name: TcbName, id: string, title: string): SnpRule {
  const rawOf: { readonly [Name in TcbName]: (report: ParsedSnpReport) => Uint8Array } = {
    reported: ({ reportedTcb }) => reportedTcb,
    committed: ({ committedTcb }) => committedTcb,
    launch: ({ launchTcb }) => launchTcb,
  };
  return {
    id,
    title,
    run: (context) => {
      const floors: TcbFloors = context.policy.tcb[name];
      const floor = floors[context.product];
      if (floor === 'any') return notAsked('any TCB');
      return judgeTcb(rawOf[name](context.report), floor, context);
    },
  };
}

function judgeTcb(raw: Uint8Array, floor: TcbFloor | TurinTcbFloor, { product, report }: SnpPolicyContext): SnpFinding {
  const tcb = readTcb(raw, product);
  const levels: readonly (readonly [name: string, level: number, minimum: number])[] = [
    ...('fmc' in floor ? [['fmc', tcb.fmc ?? 0, floor.fmc] as const] : []),
    ['bootloader', tcb.bootloader, floor.bootloader],
    ['tee', tcb.tee, floor.tee],
    ['snp', tcb.snp, floor.snp],
  ];
  for (const [name, level, minimum] of levels) {
    if (level < minimum) return failed('tcb_too_low', `${name} ${level}, at least ${minimum} wanted`);
  }
  if (floor.microcode === 'any') return passed(toHex(raw));
  const { cpu } = report;
  const known = floor.microcode.find(({ model, stepping }) => model === cpu?.model && stepping === cpu.stepping);
  if (known === undefined) {
    const name = cpu === null ? 'the report names no CPU' : `model ${cpu.model}, stepping ${cpu.stepping}`;
    return failed('tcb_too_low', `no minimum of microcode is stated: ${name}`);
  }
  if (tcb.microcode < known.minimum) {
    return failed('tcb_too_low', `microcode ${tcb.microcode}, at least ${known.minimum} wanted`);
  }
  return passed(toHex(raw));
}

function versionRule(name: 'current' | 'committed', id: string, title: string): SnpRule {
  return {
    id,
    title,
    run: ({ policy, report }) => {
      const wanted = policy.firmware[name];
      if (wanted === 'any') return notAsked('any version');
      const found = name === 'current' ? report.currentFirmware : report.committedFirmware;
      const detail = `${text(found)}, at least ${text(wanted)} wanted`;
      return compare(found, wanted) >= 0 ? passed(detail) : failed('firmware_too_old', detail);
    },
  };
}

function mitigationRule(name: 'launch' | 'current', id: string, title: string): SnpRule {
  const code: RefusedCode = 'mitigation_missing';
  return {
    id,
    title,
    run: ({ policy, report }) => {
      const wanted = policy.mitigations[name];
      if (wanted === 'any') return notAsked('any mitigations');
      if (report.mitigations === null) return failed(code, `a report of version ${report.version} names none`);
      const found = report.mitigations[name];
      const detail = `0x${found.toString(16)}, 0x${wanted.toString(16)} wanted`;
      return (found & wanted) === wanted ? passed(detail) : failed(code, detail);
    },
  };
}

function compare(a: SnpFirmware, b: SnpFirmware): number {
  return a.major - b.major || a.minor - b.minor || a.build - b.build;
}

function text({ major, minor, build }: SnpFirmware): string {
  return `${major}.${minor}.${build}`;
}
