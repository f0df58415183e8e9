import type { Facts } from './verdict.ts';

/** What contracts answer, in the words of test/parity/typescript.ts. */
type Answer = Readonly<Record<string, unknown>>;

const PCR_DIGITS = 96;
const PRODUCTS = ['None', 'Milan', 'Genoa', 'Turin'];
const SIGNERS = ['None', 'VCEK', 'VLEK'];

const text = (value: unknown): string => String(value);
const list = (value: unknown): string => (value as readonly string[]).join(' ');
const optional = (present: unknown, value: unknown): string => (present === true ? text(value) : 'none');

export function nitroFacts(answer: Answer): Facts {
  const mask = Number(answer['pcrMask']);
  const values = text(answer['pcrs']).slice(2);
  const indices = Array.from({ length: 32 }, (_, index) => index).filter((index) => ((mask >>> index) & 1) === 1);
  if (values.length !== PCR_DIGITS * indices.length) throw new RangeError('not a value for each PCR');
  return {
    simulated: text(answer['simulated']),
    documentId: text(answer['documentId']),
    moduleId: Buffer.from(text(answer['moduleId']).slice(2), 'hex').toString('latin1'),
    timestamp: text(answer['timestamp']),
    ...Object.fromEntries(
      indices.map((index, place) => [`pcr${index}`, `0x${values.slice(PCR_DIGITS * place, PCR_DIGITS * (place + 1))}`]),
    ),
    publicKey: optional(answer['hasPublicKey'], answer['publicKey']),
    userData: optional(answer['hasUserData'], answer['userData']),
    nonce: optional(answer['hasNonce'], answer['nonce']),
    notBefore: text(answer['notBefore']),
    notAfter: text(answer['notAfter']),
    certificates: list(answer['certificates']),
  };
}

export function snpFacts(answer: Answer): Facts {
  const tcb = (name: string): string => `0x${(answer[name] as bigint).toString(16).padStart(16, '0')}`;
  const triple = (value: unknown): string => {
    const number = Number(value);
    return `${number >> 16} ${(number >> 8) & 0xff} ${number & 0xff}`;
  };
  const chip = text(answer['chipId']);
  const version = text(answer['reportVersion']);
  return {
    root: text(answer['root']),
    documentId: text(answer['documentId']),
    version,
    product: PRODUCTS[Number(answer['product'])] ?? 'unknown',
    signer: SIGNERS[Number(answer['signer'])] ?? 'unknown',
    cpu: version === '2' ? 'none' : triple(answer['cpu']),
    vmpl: text(answer['vmpl']),
    guestSvn: text(answer['guestSvn']),
    guestPolicy: text(answer['guestPolicy']),
    platformInfo: text(answer['platformInfo']),
    measurement: text(answer['measurement']),
    hostData: text(answer['hostData']),
    familyId: text(answer['familyId']),
    imageId: text(answer['imageId']),
    idKeyDigest: text(answer['idKeyDigest']),
    authorKeyDigest: text(answer['authorKeyDigest']),
    authorKeyEnabled: text(answer['authorKeyEnabled']),
    reportId: text(answer['reportId']),
    migrationAgentReportId: text(answer['migrationAgentReportId']),
    userData: text(answer['identity']),
    nonce: text(answer['challenge']),
    reportedTcb: tcb('reportedTcb'),
    committedTcb: tcb('committedTcb'),
    currentTcb: tcb('currentTcb'),
    launchTcb: tcb('launchTcb'),
    currentFirmware: triple(answer['currentFirmware']),
    committedFirmware: triple(answer['committedFirmware']),
    mitigations:
      version === '5' ? `${text(answer['launchMitigations'])} ${text(answer['currentMitigations'])}` : 'none',
    chipId: chip === '0x' ? 'none' : chip,
    cspId: text(answer['cspId']) === '' ? 'none' : text(answer['cspId']),
    notBefore: text(answer['notBefore']),
    notAfter: text(answer['notAfter']),
    certificates: list(answer['certificates']),
  };
}
