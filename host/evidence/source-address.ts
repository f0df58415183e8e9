import { productOfCpu } from '../../verifier/codec/snp-product.ts';
import type { ParsedSnpReport } from '../../verifier/codec/snp-report.ts';
import { readTcb, type SnpTcb } from '../../verifier/codec/snp-tcb.ts';
import { isZero, toHex } from '../../wire/bytes.ts';

const SERVICE = 'https://kdsintf.amd.com';
/** From Turin on a chip's id has 8 bytes (AMD 57230). */
const TURIN_ID_BYTES = 8;

/** Where to fetch what is missing, for the operator to read: nothing here fetches it. */
export function sourceAddress(report: ParsedSnpReport, what: 'endorsement' | 'intermediate' | 'root'): string {
  const product = report.cpu === null ? undefined : productOfCpu(report.cpu);
  const kind = report.signingKey === 'VLEK' ? 'vlek' : 'vcek';
  const line = `${SERVICE}/${kind}/v1/${product ?? '{Milan|Genoa|Turin}'}`;
  if (what !== 'endorsement') return `${line}/cert_chain`;
  if (kind === 'vlek') return 'the cloud that runs this machine: AMD gives it the VLEK';
  // A version 2 report does not say how its levels are to be read.
  if (product === undefined) return `${line}/{chip id}?{levels}`;
  if (isZero(report.chipId)) return 'the owner of this machine: the report masks the chip';
  const id = product === 'Turin' ? report.chipId.subarray(0, TURIN_ID_BYTES) : report.chipId;
  return `${line}/${toHex(id)}?${levelsQuery(readTcb(report.reportedTcb, product))}`;
}

/** AMD 57230, the request for a VCEK: levels in decimal. */
function levelsQuery({ fmc, bootloader, tee, snp, microcode }: SnpTcb): string {
  const levels = [
    ...(fmc === null ? [] : [['fmcSPL', fmc] as const]),
    ['blSPL', bootloader] as const,
    ['teeSPL', tee] as const,
    ['snpSPL', snp] as const,
    ['ucodeSPL', microcode] as const,
  ];
  return levels.map(([name, level]) => `${name}=${String(level).padStart(2, '0')}`).join('&');
}
