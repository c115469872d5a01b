"""Words whose capitals carry meaning: folded to lower case they are another word or unit.

The lists are general vocabulary. A word that is missing here only shares its identity with its
lower-case spelling; a word that is here without need only costs an exact hit.
"""

from shared.text import word_set

ACRONYMS = word_set(
    "it us who aids and or so am pm ms ma pa la id al de co mo ne ad ai ar bad bat beam cad cap"
    " cape care cart cast cat cert chip clip cob cod coma core cove dad dart den dim dip don dot"
    " ear eat elf era face fans fast fed fist flip gad gap gas gem gin gist grid gut hart heat"
    " hip hud ice ids imp iris jet kit lamp laps lie lime lisp lot mad map maps mars mast mat mid"
    " mime mint mist mod nan nap nod nun nut oar ohm ops org oscar pan pap pat pet pie pig pin"
    " pit pod pop pot race rad raid ram ramp rams rant rap rip rom rose sad sars scad ship sid"
    " sim sip sit smart snap snip soap solid spa spam spin star sun sword tag tar tax tea tip top"
    " trips vat vet wan wasp wave wax wine wins yam zip"
)
"""Acronyms whose lower-case form is another word: IT and it, WHO and who."""

_NAMES = word_set(
    # Months, countries, nations and places.
    "may march august polish turkey turkeys china chad jordan georgia guinea jersey cuba chile"
    " lima nice bath reading cork split brazil japan bali niger mali greek hungary dutch danish"
    " swede welsh scotch scots rugby derby manila morocco panama java columbia phoenix buffalo"
    " orange mobile boulder flint wells battle sandwich deal hull essen oder main rhone tours"
    " brest angers slough lent pole poles finn finns cologne oriental swiss turkish afghan alps"
    " delta"
    # Given and family names.
    " mark marks will wills bill bills bob jack job rob robin rod rich pat peg penny frank grant"
    " art chase chuck cliff dale dean don drew duke earl ed gene glen guy hank harry herb jay"
    " jimmy josh ken lance lane lee max miles mike nick norm otto pierce ray reed rex rusty sandy"
    " sonny stew sue sally ted tony victor wade ward woody abbey faith hope grace joy amber angel"
    " april autumn barb bea beth carol cat cherry clay colt crystal daisy dawn dolly dot eve"
    " fanny fern flora florence gale gay ginger hazel heather holly honey iris ivy jade jasmine"
    " jean jewel june kitty laurel lily lotus mercy merry misty olive opal patience pearl pepper"
    " pippa poppy prudence raven ruby sage savannah scarlet skye star summer terry tiffany verity"
    " viola violet willow winter wren baker barber bishop brook brooks brown bush butler"
    " carpenter carter cook cooper cox cruise dick eastwood farmer field fields fisher ford"
    " foster fox gates gore green hall hart hawking heath hill hood hooker hunt hunter jobs kings"
    " knight little mason miller moody moon moore newton page paige park parker parks piper pitt"
    " pope porter potter pound powers price rice ridge rivers rock rush sanders savage sharp"
    " shepherd singer smith spears spencer stein stone street swift taylor thatcher tiger tucker"
    " turner tyler walker waters watt watts weaver webb west white wise wolf wolfe wood woods"
    " wright watson trump bacon balls bean berry bell blair bolt bond boots bowie"
    # Books of the Bible, faiths and denominations.
    " acts numbers judges proverbs revelation catholic orthodox reformed lutheran mass quaker"
    " shakers"
    # Firms, products and programming languages.
    " apple amazon shell target gap oracle word excel access outlook windows teams edge"
    " meta alphabet chrome safari slack zoom square stripe uber lift box dropbox discord signal"
    " notion subway dove tide puma jaguar ram dodge visa discover sprint mini fiat polo go rust"
    " python perl basic scratch julia dart elm elixir scheme racket lisp spark kafka flask"
    " express react angular rails spring docker helm puppet chef salt vault ant maven nexus bash"
    " fish maple mercury venus earth mars saturn pluto neptune"
)
"""Names: Turkey is not a turkey, and Job is not a job."""

_GERMAN = word_set(
    "sie ihr ihre ihren ihrem ihrer ihres ihnen weg arm reich recht liebe lieben leben morgen"
    " laut dank kraft statt trotz zeit angst schuld leid ernst essen trinken weise gut gute guten"
    " alt alte heide kosten reisen rufen fliegen regen spinnen dichter fest fester stolz wert"
    " arme armen kranke gefangene geliebte verwandte bekannte heilige junge jungen wagen acht"
    " grau spiel ehe sein macht floh spinne kochen sucht teil hof bitte wirt wohl paar lauter"
    " greis fern schwarz liegen scheiden dichten"
)
"""German words with another meaning or class in lower case: Sie and sie, Weg and weg."""

_ROMANCE = word_set("papa santa estado iglesia pays etat bourse madeleine pierre lune orient")

UNITS = word_set(
    "pw nw mw gw pj nj mj na ka mv kv pv pf nf mf ph mh ns ps mm nm ml mg pg ng kg mt kt gb kb mb"
    " tb pb eb zb yb kib mib gib tib gbs kbs mbs kbit mbit gbit kbps mbps gbps tbps mhz phz mpa"
    " mol mmol kcal db dba mwh gwh kwh mah mva kva mn kn gy sv msv ev mev kev gev sr lm lx wb"
    " mbar kj jg"
)
"""Units that another spelling of their capitals makes another unit: mW and MW, Mb and MB."""

_SYMBOLS = word_set("in as at be co no np os po cs sn sc hf si cu ca ni hp cd rad cal bar bit var")
"""Chemical symbols and units that are also words or formulas: Co is not CO."""

CASE_SENSITIVE_WORDS = _NAMES | _GERMAN | _ROMANCE | UNITS | _SYMBOLS
"""Lower-case forms of the words whose capitals are part of a question's identity."""

EMPHASISED_WORDS = word_set(
    "faith hope grace joy mercy patience revelation mass angel kings no as at be in art pearl"
    " rock star field fields numbers judges"
)
"""Names and symbols whose spelling in capitals is emphasis: FAITH is faith, Faith may be a name."""
