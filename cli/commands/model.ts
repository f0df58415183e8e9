import type { Command } from './context.ts';
import { type FamilyCommands, familyOf } from './family.ts';

/** What its commands have in common; each has a text of its own. */
export const modelUsage = `proofmark model COMMAND ...
  Releases of models: written and checked in a folder, published to a hub, pulled from it, and tried in an attested
  worker. proofmark model COMMAND --help tells of one.`;

const stateUsage = `proofmark model yank|deprecate|restore REPOSITORY@VERSION --key FILE.pem --hub URL [--token-file FILE]
                        [--chain RPC --registry ADDRESS (--account ADDRESS | --account-key FILE)] [--json]
  The owner's next word on a release, under the next number: on the hub, and on a chain where one is named.`;

export const modelCommands: FamilyCommands = {
  init: {
    usage: `proofmark model init [DIR] [--from FILE.onnx|FOLDER] [--name NAME] [--json]
  Writes the draft of a release (release.json), a card and a sample to fill in, with all that the model tells. What only a
  person knows is left open, the licence above all. Nothing is written over.`,
    load: async () => (await import('../model/init-command.ts')).init,
  },
  check: {
    usage: `proofmark model check DIR|FILE.onnx [--kind tensor|text-generation] [--run | --read-only] [--json]
  Says all that a worker would have against a model, where, and what to do about it: by the worker's own scan, and by
  its engine in a confined process. Exits 0 where it would be loaded, 1 where it would be refused, or is not what its
  release says. --run also runs it twice on its samples, or on inputs that are made up, and compares bits, samples with
  their responses, and rows together with rows alone. --read-only loads nothing.`,
    load: async () => (await import('../model/check-command.ts')).check,
  },
  diff: {
    usage: `proofmark model diff A B [--json] [--hub URL --publisher HEX|any [--token-file FILE]]
  What changed from one release to another, and which step of the version that deserves: of drafts, release folders, or
  references on a hub. Exits 1 where the version takes a smaller step, or none.`,
    load: async () => (await import('../model/diff-command.ts')).diff,
  },
  publish: {
    usage: `proofmark model publish DIR --hub URL --key FILE.pem [--private] [--yes] [--json] [--quiet]
                        [--chain RPC --registry ADDRESS (--account ADDRESS | --account-key FILE)]
  Makes a release of a draft (release.json), or takes a signed one, sealed or not; sends what the hub does not have, and
  lists it in ModelRegistry where a chain is named. Who pays there is an account that the node holds unlocked, or the
  key in a file. A version is taken for ever, so that somebody has to say yes.`,
    load: async () => (await import('../model/publish.ts')).modelPublish,
  },
  pull: {
    usage: `proofmark model pull REPOSITORY[@VERSION]|MODEL-ID --hub URL --publisher HEX|any --out DIR [--allow-yanked]
                        [--token-file FILE] [--memory FILE|none] [--json] [--quiet]
  Fetches a release into a folder that a host serves from. Manifest, signature, digests and status are verified, and held
  against what was seen before; the folder appears whole, or not at all. Cut off, it goes on where it was. Exits 10 where
  the hub's answer is none, 20 where it lied, 30 where the publisher is not accepted or took the release back.`,
    load: async () => (await import('../model/pull.ts')).modelPull,
  },
  versions: {
    usage: `proofmark model versions REPOSITORY --hub URL [--token-file FILE] [--json]
  What a hub says it has under a name, newest first.`,
    load: async () => (await import('../model/versions.ts')).modelVersions,
  },
  show: {
    usage: `proofmark model show REPOSITORY[@VERSION]|MODEL-ID --hub URL --publisher HEX|any [--token-file FILE]
                        [--chain RPC --registry ADDRESS] [--json]
  A release with its signature verified: what it takes and gives, how it runs, its status, files and card.`,
    load: async () => (await import('../model/show.ts')).modelShow,
  },
  test: {
    usage: `proofmark model test DIR|REPOSITORY[@VERSION]|MODEL-ID --policy FILE --host URL [--tolerance exact|NUMBER] [--json]
                        [--hub URL] [--token-file FILE]
  Runs every sample of a release in an attested worker, sealed, verifies the receipts, and compares the answers with the
  publisher's: bit for bit, or within a number of units of one, or of the value where that is larger. Exits 30 where one
  differs, 1 where one has no answer.`,
    load: async () => (await import('../model/test.ts')).modelTest,
  },
  yank: { usage: stateUsage, load: async () => (await import('../model/state.ts')).modelYank },
  deprecate: { usage: stateUsage, load: async () => (await import('../model/state.ts')).modelDeprecate },
  restore: { usage: stateUsage, load: async () => (await import('../model/state.ts')).modelRestore },
};

export const model: Command = familyOf('model', modelCommands);
