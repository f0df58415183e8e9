import type { Command } from './context.ts';
import { type FamilyCommands, familyOf } from './family.ts';

/** What its commands have in common; each has a text of its own. */
export const circuitUsage = `proofmark circuit COMMAND ...
  Circuits of small integer models, whose answers can be proved without any hardware (level proved). They need two
  programs under GPL-3, which are no part of this package: npm install circom2@0.2.23 snarkjs@0.7.6`;

export const circuitCommands: FamilyCommands = {
  make: {
    usage: `proofmark circuit make RELEASE-DIR --out DIR [--json]
             [--sibling RELEASE-DIR --input-scale X --output-scale Y --samples N]
  Writes the circuit of a draft's or a release's model and compiles it: circuit.circom, circuit.r1cs (the constraints),
  circuit.wasm (which computes witnesses) and circuit.json (what they are). The same model gives the same constraints. A
  model that is no integer program is refused, with the node that is in the way; exits 30 then. --sibling
  measures how far the integers are from the float model that they stand in for: input times X is the float model's, and
  output times Y is held against its answer, on random inputs of the whole range.`,
    load: async () => (await import('../circuit/commands.ts')).makeCircuit,
  },
  setup: {
    usage: `proofmark circuit setup DIR --ptau FILE [--json]
  Begins the circuit's own part of a setup (circuit.zkey) with prepared powers of tau in snarkjs's format, which are
  checked first and whose contributions are counted. Without a contribution the key proves anything.`,
    load: async () => (await import('../circuit/commands.ts')).setUpCircuit,
  },
  contribute: {
    usage: `proofmark circuit contribute DIR --name NAME [--json]
  Adds a contribution to circuit.zkey, drawn here and forgotten, and prints its hash for NAME to publish. Parties hand the
  file on to one another. The setup holds if one of them forgot what it drew, and nobody can see whether one did.`,
    load: async () => (await import('../circuit/commands.ts')).contributeToCircuit,
  },
  verify: {
    usage: `proofmark circuit verify RELEASE-DIR --circuit DIR --ptau FILE [--json]
  Makes the constraints again from the model, checks the powers of tau and every contribution in circuit.zkey, and
  writes circuit.key with the numbers of both; where there is a key, it has to be that one. With fewer than two parties
  in either part the setup is called dev. Exits 20 for what does not hold. Beacons are counted for nothing.`,
    load: async () => (await import('../circuit/commands.ts')).verifyCircuit,
  },
};

export const circuit: Command = familyOf('circuit', circuitCommands);
