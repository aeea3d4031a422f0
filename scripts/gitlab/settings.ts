/** What GitLab is to enforce of the project: `.gitlab/settings.json`. */
export interface Settings {
  readonly project: Flat;
  readonly approvals: Flat;
  readonly protectedBranches: Readonly<Record<string, Protected>>;
  readonly approvalRules: Readonly<Record<string, Flat>>;
  readonly pushRules: Flat;
}

type Flat = Readonly<Record<string, string | number | boolean>>;

interface Protected {
  /** Who may, in GitLab's words. */
  readonly push: readonly string[];
  readonly merge: readonly string[];
  readonly allow_force_push: boolean;
  readonly code_owner_approval_required: boolean;
}

/** One question to GitLab's API about the project, such as `/protected_branches/main`. */
export type Ask = (path: string) => Promise<unknown>;

/** Each setting that GitLab has otherwise, or does not have, by its name. Empty where it enforces what is wanted. */
export async function differences(wanted: Settings, ask: Ask): Promise<readonly string[]> {
  const [project, approvals, pushRules, rules] = await Promise.all([
    ask(""),
    ask("/approvals"),
    ask("/push_rule"),
    ask("/approval_rules"),
  ]);
  const branches = await Promise.all(
    Object.entries(wanted.protectedBranches).map(async ([name, branch]) =>
      branchDifferences(name, branch, await ask(`/protected_branches/${name}`)),
    ),
  );
  return [
    ...flatDifferences("project", wanted.project, project),
    ...flatDifferences("approvals", wanted.approvals, approvals),
    ...flatDifferences("push rules", wanted.pushRules, pushRules),
    ...ruleDifferences(wanted.approvalRules, rules),
    ...branches.flat(),
  ];
}

function flatDifferences(where: string, wanted: Flat, found: unknown): readonly string[] {
  const has = (found ?? {}) as Flat;
  return Object.entries(wanted)
    .filter(([name, value]) => has[name] !== value)
    .map(([name, value]) => `${where}: ${name} is ${String(has[name] ?? "not set")}, wanted is ${String(value)}`);
}

function ruleDifferences(wanted: Settings["approvalRules"], found: unknown): readonly string[] {
  const rules = found as readonly (Flat & { readonly name: string })[];
  return Object.entries(wanted).flatMap(([name, rule]) => {
    const has = rules.find((each) => each.name === name);
    if (has === undefined) return [`approval rules: there is no rule "${name}"`];
    const least = Number(rule["approvals_required"]);
    return Number(has["approvals_required"]) >= least
      ? []
      : [`approval rules: "${name}" asks for ${String(has["approvals_required"])}, wanted are ${least}`];
  });
}

interface ProtectedAtGitLab {
  readonly push_access_levels: readonly { readonly access_level_description: string }[];
  readonly merge_access_levels: readonly { readonly access_level_description: string }[];
  readonly allow_force_push: boolean;
  readonly code_owner_approval_required: boolean;
}

function branchDifferences(name: string, wanted: Protected, found: unknown): readonly string[] {
  if (found === undefined) return [`${name} is not protected`];
  const has = found as ProtectedAtGitLab;
  const { push, merge, ...flat } = wanted;
  const who = (levels: ProtectedAtGitLab["push_access_levels"]) =>
    levels.map(({ access_level_description: words }) => words).toSorted();
  const listed = [
    ["push", push, who(has.push_access_levels)],
    ["merge", merge, who(has.merge_access_levels)],
  ] as const;
  return [
    ...listed
      .filter(([, want, is]) => JSON.stringify(want) !== JSON.stringify(is))
      .map(([what, want, is]) => `${name}: ${is.join(" and ")} may ${what}, wanted is ${want.join(" and ")}`),
    ...flatDifferences(name, flat, has),
  ];
}
