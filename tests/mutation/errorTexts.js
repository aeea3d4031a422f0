import { PluginKind, declareValuePlugin } from "@stryker-mutator/api/plugin";

/** The text that an error of ours is made with. Not a Problem's: its first argument is the code that contracts promise. */
const errors = /^(?:Type|Range)?Error$|Violation$|Unavailable$|Refused$|Lost$/u;

export const strykerPlugins = [
  declareValuePlugin(PluginKind.Ignore, "error-texts", {
    shouldIgnore(path) {
      const { parent, node } = path;
      const isText = node.type === "StringLiteral" || node.type === "TemplateLiteral";
      const isFirst = parent?.type === "NewExpression" && parent.arguments[0] === node;
      return isText && isFirst && errors.test(parent.callee.name) ? "the text of an error" : undefined;
    },
  }),
];
