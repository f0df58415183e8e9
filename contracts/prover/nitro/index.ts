export { NitroProofError, type NitroProofErrorCode } from './errors.ts';
export { encodeNitroHints, type NitroHintOptions, proveNitroDocument } from './prove.ts';
export { nitroStatements, nitroTbsDigests } from './statements.ts';
