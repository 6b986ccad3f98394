/**
 * Top-level domains by which a name without a scheme is taken for a link, as mail programs and chats do.
 *
 * @module
 */

/** ISO 3166-1 codes and the others that are delegated (IANA root zone database), in pairs of letters. */
const COUNTRIES =
  "acadaeafagaialamaoaqarasatauawaxazbabbbdbebfbgbhbibjbmbnbobrbsbtbwbybzcacccdcfcgchcickclcmcncocrcucvcwcxcyczdedjdkdmdodzeceeegereseteufifjfkfmfofrgagdgegfggghgiglgmgngpgqgrgsgtgugwgyhkhmhnhrhthuidieiliminioiqirisitjejmjojpkekgkhkikmknkpkrkwkykzlalblclilklrlsltlulvlymamcmdmemgmhmkmlmmmnmompmqmrmsmtmumvmwmxmymznancnenfngninlnonpnrnunzompapepfpgphpkplpmpnprpsptpwpyqareroroesrusarwsasbscsdsesgshsiskslsmsnsosrssstsvsxsyszt ctdtftgthtjtktltmtntotrtttvtwtzuaugukusuyuzvavcvevgvivnvuwfwsyeytzazmzw";
/** Generic ones that people register; a scheme, `www.`, a path or a port makes a link of any other. */
const GENERIC =
  "com org net edu gov mil int info biz name pro mobi app dev page web site online store shop tech cloud xyz top club live link click icu vip work world today news media blog email mail chat team group agency company business finance bank money pay cash loan insure health care doctor law legal art design studio digital network systems solutions services support help zone space fun games game win bid trade download stream video photo pics music tv radio cafe bar pub restaurant pizza food recipes fit run bike car auto taxi travel flights hotel holiday tours city town country land house estate rent homes garden earth green energy eco bio science academy school university education training courses institute foundation ngo charity social community events party wedding gift gifts sale discount deals market markets exchange capital fund ventures partners consulting expert guru ninja rocks cool lol wtf buzz review reviews report rip mov zip onion arpa test example invalid local localhost internal corp lan home"
    .split(
      " ",
    );

const KNOWN: ReadonlySet<string> = new Set([
  ...GENERIC,
  ...COUNTRIES.replaceAll(" ", "").match(/../g) ?? [],
]);

/** Whether the last label of a name, in lower case, makes a link of it. */
export function isTopLevelDomain(label: string): boolean {
  return KNOWN.has(label) || label.startsWith("xn--") || /[^\0-\x7f]/.test(label);
}
