import { Contrib, Enums, Models, Serialize, Spec } from "@cyclonedx/cyclonedx-library";
import { PackageURL } from "packageurl-js";
import satisfies from "spdx-satisfies";
import { type LockedPackage, type LockedPackages, isForProduction, nameOf } from "../packages/lockfile.ts";

/**
 * The bill of materials of what the product depends on, from the lockfile: CycloneDX 1.6, the same text for the same
 * lockfile, so without a time and a serial number. The tools' Node and packages of other platforms are named, too, when
 * the lockfile does not call them a development's.
 */
export function billOfMaterials(product: { name: string; version: string }, packages: LockedPackages): string {
  const used = Object.entries(packages).filter(([, locked]) => isForProduction(locked));
  const components = new Map(used.map(([folder, locked]) => [folder, componentOf(folder, locked)]));
  const { name, version } = product;
  const app = new Models.Component(Enums.ComponentType.Application, name, { version, bomRef: `${name}@${version}` });
  const bom = new Models.Bom({ metadata: new Models.Metadata({ component: app }) });
  for (const [folder, locked] of used) {
    const component = components.get(folder);
    if (component === undefined) continue;
    bom.components.add(component);
    if (folder.lastIndexOf("node_modules/") === 0) app.dependencies.add(component.bomRef);
    for (const needed of Object.keys({ ...locked.dependencies, ...locked.optionalDependencies })) {
      const found = components.get(resolvedFrom(folder, needed, components));
      if (found !== undefined) component.dependencies.add(found.bomRef);
    }
  }
  const serializer = new Serialize.JsonSerializer(new Serialize.JSON.Normalize.Factory(Spec.Spec1dot6));
  return `${serializer.serialize(bom, { sortLists: true, space: 2 })}\n`;
}

const licences = new Contrib.License.Factories.LicenseFactory((text) => {
  // Throws on what is no SPDX expression.
  satisfies(text, []);
});

function componentOf(folder: string, { version = "", integrity = "", license }: LockedPackage): Models.Component {
  const full = nameOf(folder);
  const slash = full.indexOf("/");
  const group = slash === -1 ? undefined : full.slice(0, slash);
  const name = full.slice(slash + 1);
  const component = new Models.Component(Enums.ComponentType.Library, name, { version, bomRef: folder });
  if (group !== undefined) component.group = group;
  component.purl = new PackageURL("npm", group, name, version).toString();
  component.hashes.set(Enums.HashAlgorithm["SHA-512"], Buffer.from(integrity.slice(7), "base64").toString("hex"));
  if (license !== undefined) component.licenses.add(licences.makeFromString(license));
  return component;
}

/** Where Node finds the package: in the nearest node_modules on the way up. */
function resolvedFrom(folder: string, needed: string, there: ReadonlyMap<string, unknown>): string {
  for (let at = folder; at !== ""; at = at.slice(0, Math.max(at.lastIndexOf("/node_modules/"), 0))) {
    const inner = `${at}/node_modules/${needed}`;
    if (there.has(inner)) return inner;
  }
  return `node_modules/${needed}`;
}
