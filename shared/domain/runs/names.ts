import type { Ids } from "../../stores/clock.ts";

const ADJECTIVES =
  "amber ancient brave bright calm clever crisp curious daring deep eager early fair fleet gentle glad golden grand hardy hidden honest humble jolly keen kind lively loyal lucky mellow merry mighty nimble noble patient plucky polished proud quick quiet rapid rare ready rich robust secret serene sharp silent sleek smooth solid spry stately steady stoic subtle swift tidy tranquil trusty upbeat vivid warm wise witty worthy zesty".split(
    " ",
  );
const NOUNS =
  "acorn albatross alder ant ape aspen badger bass bear beaver birch bison boulder brook cairn calf cedar cliff cod colt crab crane creek crow cub deer dove duck eagle elk elm ermine falcon fawn fern finch fjord fox frog gale gnat goat goose grouse gull hare hawk hen heron hill horse ibis jay kestrel koi lark loon lynx maple marten mink mole moose moss moth mouse newt oak otter owl ox panda perch pike pine plover pony quail rabbit ram raven ridge robin rook sage seal shad shark sheep shrew shrike skink sloth snail snipe sparrow squid stag stork stream summit swan tern thrush toad trout tundra vole walrus whale wolf wren yak zebra".split(
    " ",
  );

/** A name for a run that was given none: adjective-noun-number. */
export function randomRunName(ids: Ids): string {
  const adjective = ADJECTIVES[ids.integer(ADJECTIVES.length)];
  const noun = NOUNS[ids.integer(NOUNS.length)];
  return `${adjective}-${noun}-${ids.integer(1000)}`;
}
