import byHand from "../types/by-hand.json" with { type: "json" };
import described from "../types/resources.json" with { type: "json" };

/** A property, as Microsoft's description of a resource type has it. */
export interface Property {
  readonly type: string;
  readonly required?: boolean;
  readonly readOnly?: boolean;
  readonly modifiers?: string;
}

export interface ObjectType {
  readonly properties: Readonly<Record<string, Property>>;
  /** Type of properties with other names. */
  readonly rest?: string;
}

/** One of several objects, told apart by the property `on`. */
export interface UnionType {
  readonly on: string;
  readonly base: Readonly<Record<string, Property>>;
  readonly cases: readonly ObjectType[];
}

export interface Description {
  readonly body: ObjectType | UnionType;
  readonly types: Readonly<Record<string, ObjectType | UnionType>>;
}

/** As Microsoft's program prints them; what it does not know, or mixes up, stands in by-hand.json, after Azure/bicep-types-az and as far as infra/ uses it. */
export const DESCRIPTIONS = { ...described, ...byHand } as unknown as Readonly<Record<string, Description>>;

/**
 * The type of a member of what a resource becomes; undefined where nobody knows, "none" where there is no such member.
 * @param ownerType name of a type in the description; undefined for the resource itself
 */
export function typeOfMember(
  resourceType: string | undefined,
  ownerType: string | undefined,
  name: string,
): string | "none" | undefined {
  const description = DESCRIPTIONS[resourceType ?? ""];
  if (!description) return undefined;
  const owner = ownerType === undefined ? description.body : description.types[ownerType];
  if (!owner || "cases" in owner || owner.rest) return undefined;
  return owner.properties[name]?.type ?? "none";
}
