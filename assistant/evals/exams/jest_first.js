// Run by jest before a solution is loaded: what decides about it can no longer be replaced.
const { expect } = require("@jest/globals");
const holder = Symbol.for("$$jest-matchers-object");
const { matchers } = globalThis[holder];
const { apply, getOwnPropertyDescriptor, ownKeys } = Reflect;

const comparesItself = (value, seen) => {
  if (value === null || (typeof value !== "object" && typeof value !== "function")) return false;
  if (seen.has(value)) return false;
  seen.add(value);
  if (typeof value.asymmetricMatch === "function") return true;
  return ownKeys(value).some((key) => {
    const found = getOwnPropertyDescriptor(value, key);
    return found && "value" in found && comparesItself(found.value, seen);
  });
};

for (const name of Object.keys(matchers)) {
  const real = matchers[name];
  const held = function (received, ...rest) {
    if (comparesItself(received, new Set())) throw new Error("this value decides what equals it");
    return apply(real, this, [received, ...rest]);
  };
  for (const key of ownKeys(real)) if (!(key in held)) held[key] = real[key];
  matchers[name] = held;
}
Object.freeze(matchers);
Object.freeze(expect);

const locked = { writable: false, configurable: false };
Object.defineProperty(globalThis[holder], "matchers", locked);
Object.defineProperty(globalThis, holder, { configurable: false });
for (const name of ["is", "keys", "getPrototypeOf", "getOwnPropertySymbols"]) {
  Object.defineProperty(Object, name, locked);
}
Object.defineProperty(Array, "isArray", locked);
Object.defineProperty(Number, "isNaN", locked);
