import { decodeAbiParameters, type Hex, size, slice, toFunctionSelector } from 'viem';

// What the contracts that a settler calls refuse with; no arguments where none are written. A test holds it against their
// sources.
const names = `
  AddressEmptyCode(address) AlgorithmNotAllowed AmountOutOfRange AnchorInvalid AnswerUnknown BindingTooLong
  BlockHashUnavailable BlockHashUnknown CaKeyUsage CallGasTooLow CallbackReverted CallerNotTheOperator CborInvalid
  CertificateAlgorithmMismatch CertificateExpired CertificateExtension CertificateExtensionDuplicate CertificateKey
  CertificateName CertificateNotYetValid CertificateSerial CertificateSignature CertificateSignatureFormat
  CertificateTime CertificateTooLarge CertificateVersion CertificatesInvalid ChainIncomplete ChallengeBlockNotRecent
  ChallengeExpired ChallengeNotIssued ChallengeOfAnotherOperator ChallengeUsedBefore ChallengeWindowTooLong
  ChannelEnded ChannelExists ChannelIsClosing ChannelNotEnded ChannelUnknown ChipMasked ChipMismatch
  CloseDelayOutOfRange CodeDataNotWritten ConfigurationNotMeasured CosePayload CoseProtectedHeader CoseSignatureLength CoseStructure
  CoseTag CoseUnprotectedHeader CreditTooLow CriticalExtensionUnknown DeadlineNotPassed DeadlinePassed DebugMode
  DerInvalid DigestUnsupported DocumentFieldInvalid DocumentFieldMissing DocumentFromFuture DocumentSignature
  DocumentTooLarge EndorsementMismatch EscrowNotOpen EvidenceFromTheFuture EvidenceInvalid EvidenceOfAnotherChallenge
  EvidenceOfAnotherIdentity EvidenceOfOtherHardware EvidenceTooOld ExecutionNotAccepted FailedCall FieldUnknown
  GuestDebug HardwareUnknown HeadConflicts HeadNotSigned HeadOfAnotherLog HeadTooLate HintsInvalid
  IdentityOfAnotherChain IdentityOfAnotherRegistry IdentityVersionUnknown IdentityWordDirty(uint256) IssuerMismatch
  IssuerNotCa KeyIdentifierMismatch KeyNotAllowed LeafIsCa LeafKeyUsage LeafLifetime LogNotAccepted LogNotLive
  LogOfOtherSettlement LogRevoked LogUnknown MeasurementZero ModularExponentiationFailed ModuleIdMismatch NoConflict
  NodeNotProven NonceNotChallenge NotPayer NotTheOperator NotTheSettlement NothingToDeliver NothingToDrawFrom
  OperatorIsNotPayee P256OutOfGas P384KeyNotOnCurve P384NotProven P384ScalarOutOfRange P384StatementLength(uint256)
  P384TableMismatch(address) P384VerifierFailed PathTooLong PcrsInvalid PossessionNotProven ProductMismatch
  ProductUnknown PublicKeyNotTheSigner ReceiptContradictsItself ReceiptInvalid ReceiptNeeded ReceiptNotInHead
  ReceiptNotNeeded ReceiptNotOk ReceiptOfOtherChannel ReceiptOfOtherFee ReceiptOfOtherOutput ReceiptOfOtherRequest
  ReentrancyGuardReentrantCall RegistryHasNoCode RenewalExtendsNothing RenewalOfAnotherImage ReportLength
  ReportReserved ReportSignature ReportSignatureAlgorithm ReportSignatureFormat ReportSignerUnknown ReportUnsigned
  ReportVersionUnknown ResultNotVerified ResultVerifierSilent RevocationNotSigned RootIsZero RootNotTrusted
  SafeERC20FailedOperation(address) SessionKeyInvalid SettingsInvalid Sha256Failed Sha384EngineFailed SignerNotOnCurve
  TcbMismatch TcbOrder TermsInvalid TimestampInvalid TimestampOutsideLeaf TokenHasNoCode TokenMovedAnotherAmount
  UnknownCode(address) UserDataNotIdentity VmplRefused VoucherNotSigned ZeroAddress
`;

const contractErrors: ReadonlyMap<Hex, string> = new Map(
  names
    .trim()
    .split(/\s+/)
    .map((name) => [toFunctionSelector(name.endsWith(')') ? name : `${name}()`), name.replace(/\(.*/, '')]),
);

const ERROR = '0x08c379a0';
const PANIC = '0x4e487b71';
/** Of a sentence that a token or a policy has for it: whoever wrote that contract chose it. */
const SENTENCE = 100;

/** Why a contract said no, for whoever operates the host: a name that this file knows, or little that says nothing else. */
export function revertReason(data: Hex): string {
  if (size(data) < 4) return 'not_told';
  const selector = slice(data, 0, 4);
  const known = contractErrors.get(selector);
  if (known !== undefined) return known;
  if (selector === ERROR) return `Error: ${sentenceIn(slice(data, 4))}`;
  if (selector === PANIC && size(data) === 36) return `Panic: ${BigInt(slice(data, 4))}`;
  return selector;
}

function sentenceIn(data: Hex): string {
  try {
    const [said] = decodeAbiParameters([{ type: 'string' }], data);
    return said.slice(0, SENTENCE).replaceAll(/[^ -~]/g, '?');
  } catch {
    return 'not readable';
  }
}
