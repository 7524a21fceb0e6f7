/**
 * Sentences for people are no behaviour: what an error, a broken contract or a log line says may be worded
 * anew without a test. Codes are arguments of their own and are not left out.
 */

/** As much as is needed here of a path in Babel's tree. */
interface Path {
  readonly node: { readonly type: string };
  readonly parent?: {
    readonly type: string;
    readonly callee?: Callee;
    /** Of a variable: its name. */
    readonly id?: { readonly name?: string };
  };
}

interface Callee {
  readonly type: string;
  readonly name?: string;
  /** Of a method: what it is called on is not asked. */
  readonly property?: { readonly name?: string };
}

/** Methods of the wire's reader that name what they read in the error they may throw. */
const NAMED_BY = /^(within|count|rest)$/;
const SPOKEN_BY = /^(requires|ensures|invariant|[a-z]\w*Error|[A-Z]\w*(Error|Violation))$/;

export const sentences = {
  shouldIgnore({ node, parent }: Path): string | undefined {
    const isText = node.type === 'StringLiteral' || node.type === 'TemplateLiteral';
    const callee =
      parent?.type === 'CallExpression' || parent?.type === 'NewExpression' ? parent.callee : undefined;
    const isSentence = parent?.type === 'VariableDeclarator' && parent.id?.name === 'sentence';
    const speaks =
      isSentence ||
      (callee?.type === 'Identifier' && SPOKEN_BY.test(callee.name ?? '')) ||
      (callee?.type === 'MemberExpression' && NAMED_BY.test(callee.property?.name ?? ''));
    return isText && speaks ? 'a sentence for people' : undefined;
  },
};
