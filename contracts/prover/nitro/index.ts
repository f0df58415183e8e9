export { NitroProofError } from './errors.ts';
export { encodeNitroHints, proveNitroDocument } from './prove.ts';
export { nitroStatements, nitroTbsDigests } from './statements.ts';
