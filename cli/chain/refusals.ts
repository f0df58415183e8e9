import { type Hex, size, slice, toFunctionSelector } from 'viem';
import { revertReason } from '../../host/settlement/reverts.ts';

// What contracts refuse with that a host never calls: registries of models, policies, and their constructors. A test
// holds it, with those that a host knows, against every contract that these commands call.
const names = `
  AlreadyProposed(bytes32) AnyWithEntries(uint8) AuditorKeyInvalid(uint256) AuditorTwice(uint256) AuditorsInvalid CircuitKeyInvalid
  CodeDataNotWritten ContentInvalid DelayOutOfBounds(uint256) DevSetup ERC20InsufficientAllowance(address,uint256,uint256)
  ERC20InsufficientBalance(address,uint256,uint256) Expired(uint48) HardwareRulesInvalid IdentifierInvalid(uint8,bytes32) ListingNotSigned
  Loosens MicrocodeInvalid ModelIdInvalid NameInvalid NotNominee(address) NotOwner(address) NotProposed(bytes32)
  NotReady(uint48) NothingAccepted OwnerInvalid P256OutOfGas PointInvalid ProvenanceInvalid RegistryWithoutCode ReleaseListedBefore
  ReleaseNotSigned SequenceNotGreater Sha256Failed StatusNotSigned StatusUnknown SubjectFixed(uint8) Superseded(bytes32)
  TcbFloorsInvalid VersionNumberTooLarge VersionTaken
`;

const known: ReadonlyMap<Hex, string> = new Map(
  names
    .trim()
    .split(/\s+/)
    .map((name) => [toFunctionSelector(name.endsWith(')') ? name : `${name}()`), name.replace(/\(.*/, '')]),
);

/** A contract's no by its name; what nobody knows by its selector, or as `not_told`. */
export function refusalName(data: Hex): string {
  return (size(data) >= 4 ? known.get(slice(data, 0, 4)) : undefined) ?? revertReason(data);
}
