import type { DemoLevel } from '../../cli/levels/settled.ts';

/** What no measurement says of a level. docs/spectrum.md is made from this and from measured figures. */
export interface LevelWords {
  /** The contract that a request names for it. */
  readonly verifier: string;
  readonly gives: string;
  readonly assumes: readonly string[];
  readonly pays: string;
  readonly choose: string;
  readonly notProven: string;
}

export const levelWords: Readonly<Record<DemoLevel, LevelWords>> = {
  attested: {
    verifier: 'AttestedResult',
    gives:
      'A worker whose code, configuration and hardware the requester’s policy accepts gave this output for this input with this model, ' +
      'and signed it into its log.',
    assumes: [
      'the hardware’s vendor: its keys, its silicon, and its list of what is broken',
      'the measured program, which anybody can build again and read',
      'whoever keeps the policy that is asked',
    ],
    pays: 'The requester pays the price to the worker’s operator, who pays the gas, and once a day that of the worker’s registration.',
    choose:
      'Any model, language models too; when an answer has to come at once; when nobody else may see the question (off chain, sealed).',
    notProven: 'That the arithmetic was right: nobody computes it a second time.',
  },
  replayed: {
    verifier: 'ReplayedResult',
    gives:
      'The same, and so many auditors whom the requester named have computed the answer again and had the same bits.',
    assumes: [
      'all that `attested` assumes, for the receipt is asked for as well',
      'that fewer than the needed number of auditors are wrong, bought, or one party under several names',
      'the same engine and the same class of processor: on another one bits may differ, and an auditor there signs nothing',
      'that the question may be shown to the auditors',
    ],
    pays:
      'The requester pays the operator. No contract pays an auditor: whoever names auditors agrees with them elsewhere. Each computes ' +
      'as much as the worker did.',
    choose:
      'Any model whose answers can be computed again, where the value at stake is worth several computations and hardware alone is too little.',
    notProven:
      'That the auditors are independent. Findings that they commit to before they see each other’s speak for them, and prove nothing.',
  },
  recomputed: {
    verifier: 'a contract that `proofmark prove --evm` generates',
    gives: 'The chain has computed the model itself, in the transaction that settles.',
    assumes: [
      'the chain',
      'that the contract was generated from the release, which anybody does again and compares',
      'no hardware, no setup, no party',
    ],
    pays: 'Whoever sends the answer is paid, and pays gas that grows with the model. The contract is created once, and that is dear.',
    choose:
      'Small integer models with public input and output: the cheapest level of all as long as the model is small.',
    notProven: 'Who computed it. Whoever sees the answer before it is mined can send it first, and is paid.',
  },
  proved: {
    verifier: 'ProvedResult',
    gives:
      'A proof (Groth16 over BN254) that the release’s circuit makes this output of this input, bound to one request and one payee.',
    assumes: [
      'the setup: that one of the parties in each of its two phases destroyed what it drew. A key of one party is a *dev setup*, with which ' +
        'that party proves whatever it likes; contracts refuse it unless they were created for tests',
      'that the circuit is the model’s, which anybody makes again and compares (`proofmark circuit verify`)',
      'the mathematics of pairings on BN254, at some 100 bits',
      'no hardware',
    ],
    pays: 'Whoever proves is paid, and pays seconds of a processor and gas that hardly grows with the model.',
    choose:
      'Integer models that are too large to be recomputed; when no hardware is believed; off chain in the private form, when input and output ' +
      'are to stay secret and only a receipt’s commitment is shown.',
    notProven:
      'That anybody ran the release at all: the proof is about the circuit. On chain, input and output are public.',
  },
};
