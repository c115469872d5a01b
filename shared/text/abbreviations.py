"""Abbreviations of about 25 languages, whose full stop ends no sentence or seldom one.

They are without spaces, the last full stop and capitals: `z. B.` is `z.b`. Capital letters with a
full stop, and single letters in a row such as `i. d. R.`, need no entry.
"""

from shared.text import word_set

NEVER_LAST = word_set(
    """
    e.g i.e cf vs viz mr mrs messrs dr prof rev
    z.b d.h bzw bspw vgl evtl ggf gem lt sog hl hr
    p.ex mme mlle mgr
    p.ej sra srta dra dña ud uds
    sig sig.ra dott dott.ssa avv ing
    pág exmo
    bijv d.w.z o.a m.a.w dhr mevr m.n
    np por tzn tj tzw św m.in inż ul
    t.ex bl.a d.v.s dvs s.k
    f.eks bl.a jf jfr ang
    esim ns ks
    např tzv mj sv č mudr judr phdr
    pl ún
    örn sn
    π.χ κ δηλ σελ
    т.е т.н напр ул вул см проф акад
    npr pvz piem
    """
)
"""A sentence goes on after these, whatever follows."""

SELDOM_LAST = word_set(
    """
    st sr jr fr ms mt pp vss etc al inc ltd co corp approx ext ave blvd dept n.b p.s
    gen capt sgt sen gov col hon pres
    a.m p.m ph.d b.sc m.sc
    usw usf ff ca nr abs bd kap jh jhd std tel inkl exkl geb gest v.chr n.chr u.ä u.a
    env av j.c éd coll tél
    aprox págs núm ee.uu sto sta
    ecc pag pagg ss
    ex
    enz blz nl
    itd itp zob godz
    osv kl m.m mv tlf sid
    jne klo
    atd apod hod
    stb dl vb jl bpk dll
    κ.λπ κ.ά τηλ
    т.д т.п др г гг им ім м
    """
)
"""A sentence ends after these only if a word follows that often begins one."""

BEFORE_NUMBER = word_set(
    """
    no nos fig figs sec ch chap vol vols p s n c v vv art cap rozdz pos zn k ok r t cad
    ex exod exo lev num deut josh judg sam kgs chron neh esth prov eccl isa jer lam ezek dan hos
    mic hab zech mal matt rom cor gal eph phil col thess tim tit heb jas pet
    jan feb mar apr jun jul aug sep sept oct okt nov dec dez mär
    janv févr avr juil déc ene abr dic giu lug ott fev mrt
    стр гл рис ст д кв
    """
)
"""Some are also words or names: these are abbreviations only if a number follows."""

SENTENCE_OPENERS = word_set(
    """
    the he she it we they you i this that these those there then but and so if when in on at for as
    after however his her its our their my
    der die das er sie es wir ich ihr dann aber und wenn ein eine dies dieser diese nach danach
    mein meine dein unser unsere alle alles bitte
    il elle nous vous ils elles on je ce cette ces les le la mais puis et après dans quand
    el ella él ellos yo nosotros los las pero después luego cuando esto este esta en es un una
    lui lei noi io gli ma poi quando questo questa era
    ele ela eles nós eu os as mas depois então isto
    het hij zij ze wij ik maar dan dit dat een deze daarna
    on ona ono oni my ja ale potem to ten ta gdy jest
    han hon hun den det vi jag jeg de men sedan så derefter
    hän me minä se mutta sitten
    já pak potom když
    ő ez az akkor
    o bu ama sonra biz ben
    он она оно они мы я вы но потом затем это этот эта когда він вона вони ми ви але потім це той
    тя то те ние после onda
    """
)
"""Articles, pronouns and conjunctions that often begin a sentence."""

NAME_PARTICLES = word_set("das de den el la le les los os ten die")
"""Openers that are also part of names, as in `J. M. Le Roux`."""
