# SPDX-License-Identifier: Apache-2.0
"""People of public life and of fiction: naming them says nothing about a patient.

Written down from general knowledge; small letters, a name of several words joined by underscores.
Only whole names count: "Marie Curie" is one, "Marie" is not. Left out are famous people whose name
many others have (Michael Jordan, Adam Smith): such a name may well be a patient's.
"""

from __future__ import annotations

_SCIENCE = (
    "albert_einstein isaac_newton charles_darwin marie_curie pierre_curie galileo_galilei"
    " nikola_tesla stephen_hawking alan_turing ada_lovelace richard_feynman niels_bohr"
    " werner_heisenberg erwin_schrödinger max_planck michael_faraday james_clerk_maxwell"
    " louis_pasteur robert_koch alexander_fleming edward_jenner joseph_lister ignaz_semmelweis"
    " florence_nightingale jonas_salk albert_sabin gregor_mendel rosalind_franklin "
    " francis_crick barbara_mcclintock rachel_carson jane_goodall carl_sagan edwin_hubble"
    " johannes_kepler nicolaus_copernicus tycho_brahe leonhard_euler carl_friedrich_gauss"
    " bernhard_riemann pierre_de_fermat blaise_pascal rené_descartes gottfried_leibniz"
    " emmy_noether srinivasa_ramanujan kurt_gödel john_von_neumann claude_shannon"
    " alexander_graham_bell thomas_edison benjamin_franklin dmitri_mendeleev antoine_lavoisier"
    " linus_pauling sigmund_freud carl_jung ivan_pavlov b._f._skinner jean_piaget abraham_maslow"
    " elisabeth_kübler-ross viktor_frankl william_harvey andreas_vesalius"
    " avicenna galen hippocrates paracelsus rudolf_virchow santiago_ramón_y_cajal camillo_golgi"
    " karl_landsteiner frederick_banting christiaan_barnard michael_debakey"
    " william_osler harvey_cushing elizabeth_blackwell virginia_apgar anthony_fauci "
    " katalin_karikó drew_weissman tu_youyou kary_mullis jennifer_doudna"
    " emmanuelle_charpentier alois_alzheimer hans_asperger george_huntington"
    " burrill_crohn wilhelm_röntgen grace_hopper tim_berners-lee linus_torvalds"
    " geoffrey_hinton dennis_ritchie guido_van_rossum donald_knuth edsger_dijkstra"
    " katherine_johnson neil_armstrong buzz_aldrin yuri_gagarin sally_ride neil_degrasse_tyson"
    " noam_chomsky daniel_kahneman amos_tversky aristotle plato socrates pythagoras"
    " euclid archimedes ptolemy copernicus gödel fermat"
)
_POLITICS = (
    "george_washington thomas_jefferson abraham_lincoln "
    " alexander_hamilton theodore_roosevelt franklin_roosevelt franklin_d._roosevelt"
    " eleanor_roosevelt john_f._kennedy lyndon_johnson richard_nixon "
    " jimmy_carter ronald_reagan george_w._bush bill_clinton hillary_clinton"
    " barack_obama michelle_obama donald_trump joe_biden kamala_harris bernie_sanders"
    " nancy_pelosi martin_luther_king malcolm_x rosa_parks harriet_tubman"
    " frederick_douglass susan_b._anthony winston_churchill margaret_thatcher tony_blair"
    " boris_johnson queen_elizabeth king_charles queen_victoria princess_diana napoleon_bonaparte"
    " napoleon charles_de_gaulle emmanuel_macron angela_merkel otto_von_bismarck adolf_hitler"
    " joseph_stalin vladimir_lenin vladimir_putin mikhail_gorbachev karl_marx friedrich_engels"
    " leon_trotsky mao_zedong xi_jinping deng_xiaoping ho_chi_minh mahatma_gandhi"
    " jawaharlal_nehru indira_gandhi narendra_modi nelson_mandela desmond_tutu fidel_castro"
    " che_guevara simón_bolívar hugo_chávez pope_francis pope_john_paul dalai_lama mother_teresa"
    " julius_caesar cleopatra alexander_the_great genghis_khan joan_of_arc marco_polo"
    " christopher_columbus vasco_da_gama ferdinand_magellan "
    " john_maynard_keynes milton_friedman friedrich_hayek immanuel_kant friedrich_nietzsche"
    " jean-jacques_rousseau voltaire thomas_hobbes john_stuart_mill"
    " niccolò_machiavelli confucius lao_tzu sun_tzu buddha jesus_christ jesus "
    " thomas_aquinas"
)
_CULTURE = (
    "william_shakespeare jane_austen charles_dickens mark_twain ernest_hemingway"
    " f._scott_fitzgerald george_orwell virginia_woolf oscar_wilde edgar_allan_poe"
    " emily_dickinson walt_whitman maya_angelou toni_morrison leo_tolstoy"
    " fyodor_dostoevsky anton_chekhov franz_kafka gabriel_garcía_márquez pablo_neruda"
    " miguel_de_cervantes dante_alighieri victor_hugo albert_camus jean-paul_sartre"
    " simone_de_beauvoir agatha_christie arthur_conan_doyle j.k._rowling j._k._rowling jk_rowling"
    " george_r.r._martin j.r.r._tolkien c.s._lewis isaac_asimov dr._seuss roald_dahl"
    " leonardo_da_vinci michelangelo vincent_van_gogh van_gogh pablo_picasso claude_monet"
    " salvador_dalí frida_kahlo rembrandt andy_warhol johann_sebastian_bach"
    " wolfgang_amadeus_mozart ludwig_van_beethoven frédéric_chopin antonio_vivaldi richard_wagner"
    " pyotr_tchaikovsky elvis_presley john_lennon paul_mccartney michael_jackson"
    " freddie_mercury david_bowie taylor_swift beyoncé lady_gaga kanye_west ed_sheeran"
    " rihanna justin_bieber katy_perry billie_eilish ariana_grande amy_winehouse"
    " kurt_cobain jimi_hendrix charlie_chaplin marilyn_monroe audrey_hepburn tom_hanks brad_pitt"
    " leonardo_dicaprio meryl_streep morgan_freeman denzel_washington tom_cruise"
    " robert_downey_jr steven_spielberg martin_scorsese christopher_nolan quentin_tarantino"
    " alfred_hitchcock stanley_kubrick walt_disney oprah_winfrey ellen_degeneres kim_kardashian"
    " steve_jobs bill_gates elon_musk jeff_bezos mark_zuckerberg warren_buffett"
    " sergey_brin sam_altman john_rockefeller"
    " andrew_carnegie warren_buffet coco_chanel lebron_james kobe_bryant"
    " serena_williams roger_federer rafael_nadal novak_djokovic tiger_woods usain_bolt"
    " lionel_messi cristiano_ronaldo pelé diego_maradona babe_ruth "
    " michael_phelps simone_biles magic_johnson greta_thunberg malala_yousafzai anne_frank"
    " helen_keller amelia_earhart"
)
_FICTION = (
    "harry_potter hermione_granger ron_weasley albus_dumbledore sherlock_holmes "
    " james_bond tony_stark iron_man bruce_wayne clark_kent luke_skywalker han_solo"
    " darth_vader frodo_baggins gandalf bilbo_baggins daenerys_targaryen romeo "
    " hamlet macbeth king_lear othello elizabeth_bennet jay_gatsby huckleberry_finn tom_sawyer"
    " oliver_twist ebenezer_scrooge jane_eyre don_quixote robin_hood king_arthur peter_pan"
    " mickey_mouse donald_duck homer_simpson bart_simpson sheldon_cooper "
    " jack_sparrow katniss_everdeen indiana_jones forrest_gump santa_claus cinderella zeus"
    " hercules achilles odysseus thor odin hermes poseidon john_doe jane_doe"
)

PUBLIC_FIGURES = frozenset(f"{_SCIENCE} {_POLITICS} {_CULTURE} {_FICTION}".split()) - {
    "john_doe",
    "jane_doe",
}
