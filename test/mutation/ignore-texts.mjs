const FOR_PEOPLE = 'a text for people: tests compare codes and places';

/** What is written with spaces in it explains an error; the few tags with spaces are pinned by the golden vectors. */
function shouldIgnore({ node }) {
  const texts =
    node.type === 'StringLiteral'
      ? [node.value]
      : node.type === 'TemplateLiteral'
        ? node.quasis.map((part) => part.value.raw)
        : [];
  return texts.some((text) => /\s/.test(text)) ? FOR_PEOPLE : undefined;
}

/** What `declareValuePlugin` of Stryker's API makes. */
export const strykerPlugins = [{ kind: 'Ignore', name: 'texts', value: { shouldIgnore } }];
