/**
 * The operators that a release may use, by domain (DESIGN section 7): pure functions of their inputs whose work is bounded
 * by the sizes of their inputs, attributes and outputs. Sizes themselves are not judged here: ConstantOfShape, Expand,
 * Tile, Range, Pad and Resize can ask for any amount of memory from a few bytes, and the child's memory limit and
 * deadline stop them.
 */
const groups = {
  elementwise: `Abs Acos Acosh Add And Asin Asinh Atan Atanh BitShift BitwiseAnd BitwiseNot BitwiseOr BitwiseXor Cast
    CastLike Ceil Celu Clip Cos Cosh CumSum Div Elu Equal Erf Exp Floor Gelu Greater GreaterOrEqual HardSigmoid HardSwish
    Identity IsInf IsNaN LeakyRelu Less LessOrEqual Log Max Mean Min Mish Mod Mul Neg Not Or PRelu Pow Reciprocal Relu
    Round Selu Shrink Sigmoid Sign Sin Sinh Softplus Softsign Sqrt Sub Sum Tan Tanh ThresholdedRelu Where Xor`,
  linear: `Conv ConvInteger ConvTranspose DeformConv Einsum Gemm MatMul MatMulInteger QLinearConv QLinearMatMul`,
  sequence: `Attention GRU LSTM RNN RotaryEmbedding`,
  normalisation: `BatchNormalization Dropout GroupNormalization Hardmax InstanceNormalization LRN LayerNormalization
    LogSoftmax LpNormalization MeanVarianceNormalization RMSNormalization Softmax`,
  pooling: `AveragePool GlobalAveragePool GlobalLpPool GlobalMaxPool LpPool MaxPool MaxRoiPool MaxUnpool RoiAlign`,
  reduction: `ArgMax ArgMin ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd
    ReduceSum ReduceSumSquare TopK`,
  shape: `AffineGrid CenterCropPad Col2Im Compress Concat Constant ConstantOfShape DepthToSpace Expand EyeLike Flatten
    Gather GatherElements GatherND GridSample NonMaxSuppression NonZero OneHot Pad Range Reshape Resize ReverseSequence
    ScatterElements ScatterND Shape Size Slice SpaceToDepth Split Squeeze Tile Transpose Trilu Unique Unsqueeze Upsample`,
  quantisation: `DequantizeLinear DynamicQuantizeLinear QuantizeLinear`,
} as const;

/** For tables. What attributes of a TreeEnsemble say is read by `trees.ts`; the engine refuses wrong sizes of the others. */
export const CLASSICAL = 'ai.onnx.ml';
const classical = `ArrayFeatureExtractor Binarizer Imputer LinearClassifier LinearRegressor Normalizer Scaler
  TreeEnsembleClassifier TreeEnsembleRegressor`;

const standard: ReadonlySet<string> = new Set(Object.values(groups).flatMap((names) => names.split(/\s+/)));

/** By domain; the standard one has two spellings. */
export const allowedOperators: ReadonlyMap<string, ReadonlySet<string>> = new Map([
  ['', standard],
  ['ai.onnx', standard],
  [CLASSICAL, new Set(classical.split(/\s+/))],
]);

/** Known operators that are refused on purpose, with the reason that the publisher reads. `If` passes in language models. */
export const refusedOperators: ReadonlyMap<string, string> = new Map([
  ...refuse(
    'If Loop Scan SequenceMap',
    'it runs a subgraph, so its work depends on data (a Loop of 233 bytes never ends)',
  ),
  ...refuse(
    'Bernoulli Multinomial RandomNormal RandomNormalLike RandomUniform RandomUniformLike',
    'it draws random numbers, so nobody could repeat the result',
  ),
  ...refuse('ImageDecoder RegexFullMatch', 'it parses a foreign format inside the engine'),
  ...refuse(
    'CastMap CategoryMapper DictVectorizer LabelEncoder ZipMap',
    'it works on maps or texts, which no tensor of a release carries',
  ),
  ...refuse('TreeEnsemble', 'its trees are written in a way that is not read here: export a TreeEnsembleRegressor'),
]);

function refuse(names: string, reason: string): readonly (readonly [string, string])[] {
  return names.split(' ').map((name) => [name, reason]);
}
