# SPDX-License-Identifier: Apache-2.0
"""Given names and surnames of several cultures, written down from general knowledge.

They are common names, not those of particular persons, and were chosen without looking at the
labelled prompts. Spellings with and without accents both occur, as in real records.
"""

from __future__ import annotations

# Culture: given names; surnames.
PEOPLE: dict[str, tuple[str, str]] = {
    "english": (
        "James Mary Robert Patricia John Jennifer Michael Linda David Elizabeth William Barbara"
        " Richard Susan Joseph Jessica Thomas Sarah Charles Karen Christopher Lisa Daniel Nancy"
        " Matthew Betty Anthony Sandra Mark Margaret Donald Ashley Steven Kimberly Andrew Emily"
        " Paul Donna Joshua Michelle Kenneth Carol Kevin Amanda Brian Melissa George Deborah"
        " Timothy Stephanie Ronald Rebecca Edward Laura Jason Helen Jeffrey Sharon Ryan Cynthia"
        " Jacob Kathleen Gary Amy Nicholas Angela Eric Shirley Jonathan Anna Stephen Brenda Larry"
        " Pamela Justin Emma Scott Nicole Brandon Samantha Benjamin Katherine Samuel Christine"
        " Gregory Debra Alexander Rachel Frank Carolyn Patrick Janet Raymond Maria Jack Catherine"
        " Dennis Heather Jerry Diane Tyler Olivia Aaron Julie Jose Joyce Adam Victoria Nathan"
        " Ruth Henry Virginia Zachary Lauren Douglas Kelly Peter Christina Kyle Joan Noah Evelyn"
        " Ethan Judith Jeremy Andrea Walter Hannah Christian Megan Keith Cheryl Roger Jacqueline"
        " Terry Martha Austin Madison Sean Teresa Gerald Gloria Carl Sara Harold Janice Dylan Ann"
        " Arthur Kathryn Lawrence Abigail Jordan Sophia Jesse Frances Bryan Jean Billy Alice"
        " Bruce Judy Gabriel Isabella Joe Julia Logan Grace Alan Amber Juan Denise Albert"
        " Danielle Willie Marilyn Elijah Beverly Wayne Charlotte Randy Natalie Vincent Theresa"
        " Mason Diana Roy Brittany Ralph Doris Bobby Kayla Russell Alexis Bradley Lori Philip"
        " Marie Eugene Faith Clara Hazel Violet Ivy Hope Joy Rose Daisy Lily Jasmine Summer"
        " Autumn April June Dawn Will Bill Rob Bob Tom Tim Jim Sam Ben Dan Pat Sue Ray Dean Grant"
        " Chase Hunter Drew Wade Colin Nigel Graham Trevor Callum Hamish Alistair Imogen Harriet"
        " Beatrice Rosalind Poppy Freya Maisie Tabitha Gemma Fiona Kirsty Rhiannon Carys Dafydd"
        " Gareth Owen Bronwyn Ewan Siobhan Niamh Aoife Saoirse Ciaran Declan Padraig Roisin Eoin"
        " Cormac Orla Sinead Oisin Latoya Keisha Tamika DeShawn Jamal Tyrone Darnell Ebony"
        " Aaliyah Malik Imani Marquis",
        "Smith Johnson Williams Brown Jones Davis Miller Wilson Moore Taylor Anderson Thomas"
        " Jackson White Harris Martin Thompson Robinson Clark Lewis Lee Walker Hall Allen Young"
        " King Wright Hill Scott Green Adams Baker Nelson Carter Mitchell Roberts Turner Phillips"
        " Campbell Parker Evans Edwards Collins Stewart Morris Rogers Reed Cook Morgan Bell"
        " Murphy Bailey Cooper Richardson Cox Howard Ward Peterson Gray James Watson Brooks Kelly"
        " Sanders Price Bennett Wood Barnes Ross Henderson Coleman Jenkins Perry Powell Long"
        " Patterson Hughes Washington Butler Simmons Foster Bryant Alexander Russell Griffin"
        " Hayes Myers Ford Hamilton Graham Sullivan Wallace Woods Cole West Jordan Owens Reynolds"
        " Fisher Ellis Harrison Gibson McDonald Cruz Marshall Freeman Wells Webb Simpson Stevens"
        " Tucker Porter Hunter Hicks Crawford Henry Boyd Mason Kennedy Warren Dixon Burns Gordon"
        " Shaw Rice Robertson Hunt Black Daniels Palmer Mills Nichols Grant Knight Ferguson Stone"
        " Hawkins Dunn Perkins Hudson Spencer Gardner Stephens Payne Pierce Berry Matthews Arnold"
        " Wagner Willis Watkins Olson Carroll Duncan Snyder Hart Cunningham Bradley Lane Andrews"
        " Fox Armstrong Weaver Greene Lawrence Elliott Chapman Lawson Fields Banks Bishop Pope"
        " Ashworth Blackwood Fairclough Hargreaves Haversham Oakley Pemberton Rowbottom"
        " Thistlewood Winterbourne Ainsley Bramwell Cartwright Dunmore Eastwood Featherstone"
        " Goodfellow Hollingsworth Ingleby Kingsley Lockwood Merriweather Netherfield Ogden"
        " Prescott Quigley MacLeod McKenna McAllister MacGregor McCarthy O'Brien O'Connor O'Neill"
        " O'Sullivan Byrne Gallagher Doherty Kavanagh Fitzgerald Llewellyn Pritchard Bevan"
        " Cadwallader Gruffydd",
    ),
    "spanish": (
        "María Carmen Josefa Ana Isabel Laura Cristina Marta Lucía Elena Pilar Rosario Mercedes"
        " Guadalupe Ximena Itzel Yolanda Graciela Rocío Inés Beatriz Paloma Araceli Consuelo"
        " Soledad Esperanza Dolores Marisol Catalina Valentina Camila Daniela Fernanda Renata"
        " Antonio Manuel José Francisco Juan Javier Miguel Rafael Pedro Ángel Alejandro Fernando"
        " Sergio Pablo Jorge Alberto Luis Álvaro Diego Raúl Enrique Ramón Vicente Andrés Joaquín"
        " Santiago Emilio Mateo Gonzalo Rodrigo Ignacio Esteban Hernán Cristóbal Facundo Lautaro"
        " Ezequiel Octavio Ulises Leandro Nicanor Eusebio Fermín Saturnino Xiomara Yuridia Nayeli",
        "García González Rodríguez Fernández López Martínez Sánchez Pérez Gómez Martín Jiménez"
        " Ruiz Hernández Díaz Moreno Muñoz Álvarez Romero Alonso Gutiérrez Navarro Torres"
        " Domínguez Vázquez Ramos Gil Ramírez Serrano Blanco Molina Morales Suárez Ortega Delgado"
        " Castro Ortiz Rubio Marín Sanz Núñez Iglesias Medina Garrido Cortés Castillo Santos"
        " Lozano Guerrero Cano Prieto Méndez Cruz Calvo Gallego Vidal León Márquez Herrera Peña"
        " Flores Cabrera Campos Vega Fuentes Carrasco Diez Reyes Caballero Nieto Aguilar Pascual"
        " Santana Herrero Lorenzo Montero Hidalgo Giménez Ibáñez Ferrer Durán Santiago Benítez"
        " Quintero Zamora Villalobos Echeverría Arriaga Bustamante Cisneros Escobedo Figueroa"
        " Izaguirre Jaramillo Labrador Mondragón Orozco Pacheco Quiroga Restrepo Saldívar Tovar"
        " Urrutia Valdivia Yáñez Zúñiga Huamán Quispe Mamani Condori Choque",
    ),
    "portuguese": (
        "João Antônio Francisco Carlos Paulo Lucas Luiz Marcos Gabriel Rafael Danilo Thiago"
        " Vinícius Gustavo Henrique Otávio Caio Murilo Afonso Duarte Gonçalo Nuno Rui Tiago Vasco"
        " Ana Adriana Fernanda Juliana Mariana Aline Camila Bruna Letícia Larissa Beatriz Débora"
        " Raquel Inês Matilde Leonor Benedita Conceição Fátima Graça Iara Jandira Luzia",
        "Silva Santos Oliveira Souza Rodrigues Ferreira Alves Pereira Lima Gomes Costa Ribeiro"
        " Martins Carvalho Almeida Lopes Soares Fernandes Vieira Barbosa Rocha Dias Nascimento"
        " Andrade Moreira Nunes Marques Machado Mendes Freitas Cardoso Ramos Gonçalves Santana"
        " Teixeira Araújo Pinto Azevedo Cavalcanti Monteiro Moura Batista Campos Figueiredo"
        " Queirós Bragança Vasconcelos Sequeira Pimentel Quaresma Brandão Furtado Saraiva Lacerda",
    ),
    "french": (
        "Jean Pierre Michel André Philippe Alain Bernard Jacques Daniel Nicolas Christophe"
        " Laurent Frédéric Sébastien Julien Mathieu Guillaume Thibault Rémi Étienne Benoît Gaël"
        " Loïc Yannick Baptiste Théo Aurélien Corentin Marie Jeanne Françoise Monique Catherine"
        " Nathalie Isabelle Sylvie Véronique Chantal Brigitte Aurélie Céline Élodie Mélanie"
        " Amélie Chloé Manon Léa Camille Océane Solène Maëlle Clémence Ghislaine Odile Bérénice",
        "Martin Bernard Dubois Durand Moreau Laurent Simon Michel Lefebvre Leroy Roux Fournier"
        " Girard Bonnet Dupont Lambert Fontaine Rousseau Vincent Muller Lefèvre Faure Mercier"
        " Blanc Guérin Boyer Garnier Chevalier François Legrand Gauthier Perrin Robin Clément"
        " Morin Nicolas Henry Roussel Masson Marchand Duval Denis Dumont Lemaire Noël Meyer"
        " Dufour Meunier Brun Blanchard Giraud Joly Rivière Lucas Brunet Gaillard Barbier Arnaud"
        " Renard Charbonneau Tremblay Gagnon Bouchard Pelletier Bélanger Lévesque Thibodeau"
        " Desrosiers Beauchamp Delacroix Vaillancourt Quesnel Poirier",
    ),
    "german": (
        "Hans Jürgen Klaus Wolfgang Dieter Günther Helmut Uwe Werner Stefan Thorsten Matthias"
        " Jens Sven Holger Ralf Heiko Florian Lukas Jonas Maximilian Felix Leon Niklas Tobias"
        " Dominik Anneliese Ursula Ingrid Renate Helga Monika Petra Sabine Gisela Brigitte Heike"
        " Silke Anja Katrin Birgit Steffi Leonie Lena Mia Johanna Friederike Mechthild Edeltraud"
        " Gertrud Waltraud Ilse Lieselotte Annika Svenja",
        "Müller Schmidt Schneider Fischer Weber Meyer Wagner Becker Schulz Hoffmann Schäfer Koch"
        " Bauer Richter Klein Wolf Schröder Neumann Schwarz Zimmermann Braun Krüger Hofmann"
        " Hartmann Lange Schmitt Werner Krause Meier Lehmann Köhler Herrmann König Walter Mayer"
        " Huber Kaiser Fuchs Peters Lang Scholz Möller Weiß Jung Hahn Schubert Vogel Friedrich"
        " Keller Günther Frank Berger Winkler Roth Beck Lorenz Baumann Franke Albrecht Schuster"
        " Simon Ludwig Böhm Winter Kraus Martin Schumacher Krämer Vogt Stein Jäger Otto Sommer"
        " Groß Seidel Heinrich Brandt Haas Schreiber Graf Dietrich Ziegler Kuhn Kühn Pohl Engel"
        " Horn Busch Bergmann Thomas Voigt Sauer Arnold Pfeiffer Achterberg Oberhuber Zwingli"
        " Rüdiger Brünner Tschudi Aebischer Zürcher Grünwald Steinhauer",
    ),
    "italian": (
        "Giuseppe Giovanni Antonio Mario Luigi Salvatore Vincenzo Domenico Pietro Roberto"
        " Stefano Marco Alessandro Lorenzo Matteo Luca Gianluca Fabrizio Massimo Claudio Enzo"
        " Umberto Maria Giulia Francesca Chiara Valentina Alessia Federica Silvia Paola"
        " Elisabetta Rosaria Concetta Assunta Ornella Loredana Antonella Benedetta Ginevra"
        " Ludovica Beatrice Fiorella",
        "Rossi Russo Ferrari Esposito Bianchi Romano Colombo Ricci Marino Greco Bruno Gallo"
        " Conti De Luca Mancini Costa Giordano Rizzo Lombardi Moretti Barbieri Fontana Santoro"
        " Mariani Rinaldi Caruso Ferrara Galli Martini Leone Longo Gentile Martinelli Vitale"
        " Lombardo Serra Coppola De Santis D'Angelo Marchetti Parisi Villa Conte Ferraro Ferri"
        " Fabbri Bianco Marini Grasso Valentini Messina Sala De Angelis Gatti Pellegrini Palumbo"
        " Sanna Farina Rizzi Monti Cattaneo Morelli Amato Silvestri Mazza Testa Grassi Pellegrino"
        " Carbone Benedetti Barone Orlando Caputo Piazza Bellini Cavallaro Scognamiglio"
        " Quagliarella",
    ),
    "slavic": (
        "Piotr Krzysztof Andrzej Tomasz Paweł Michał Marcin Jakub Wojciech Łukasz Zbigniew"
        " Katarzyna Małgorzata Agnieszka Krystyna Barbara Ewa Elżbieta Zofia Jadwiga Bożena Ivan"
        " Dmitri Sergei Alexei Andrei Mikhail Nikolai Vladimir Yuri Oleg Igor Pavel Anton Kirill"
        " Maxim Natalia Olga Tatiana Svetlana Irina Ekaterina Yelena Anastasia Ksenia Lyudmila"
        " Galina Oksana Bohdan Taras Ostap Solomiya Miroslav Jaroslav Zdeněk Václav Jiří Petr"
        " Jana Lenka Zuzana Milan Dragan Goran Zoran Nemanja Dušan Jelena Milica Snežana Vesna"
        " Ljubica Ivana Marija Ante Hrvoje Tihomir Radoslav Desislava Stoyan",
        "Kowalski Nowak Wiśniewski Wójcik Kamiński Lewandowski Zieliński Szymański Woźniak"
        " Dąbrowski Kozłowski Jankowski Mazur Kwiatkowski Krawczyk Piotrowski Grabowski Pawłowski"
        " Ivanov Petrov Sidorov Smirnov Kuznetsov Popov Vasiliev Sokolov Mikhailov Fedorov"
        " Morozov Volkov Alekseev Lebedev Semenov Egorov Pavlova Kozlova Stepanova Orlova"
        " Makarova Zaitseva Shevchenko Kovalenko Bondarenko Tkachenko Kravchenko Oliynyk"
        " Hrytsenko Lysenko Novák Svoboda Novotný Dvořák Černý Procházka Kučera Veselý Horák"
        " Němec Jovanović Petrović Nikolić Marković Đorđević Stojanović Ilić Stanković Pavlović"
        " Horvat Kovačević Babić Marić Jurić Knežević Dimitrov Georgiev Todorov Angelov Hristova",
    ),
    "nordic": (
        "Lars Anders Mikael Erik Johan Karl Olof Gustaf Björn Torbjörn Håkan Göran Åke Leif Rolf"
        " Astrid Ingrid Birgitta Kerstin Gunilla Maja Elsa Saga Linnea Søren Niels Jørgen Mads"
        " Rasmus Mette Kirsten Hanne Lone Pernille Sigrid Ragnhild Solveig Gunnhild Eirik Øystein"
        " Trond Knut Kåre Juhani Matti Timo Jukka Antti Heikki Aino Eeva Päivi Riikka Sanna"
        " Guðrún Sigríður Helga Ólafur Þorsteinn Bram Daan Sem Lotte Femke Sanne Maaike Joost"
        " Wouter Pieter Ruben Thijs Anouk Marloes",
        "Andersson Johansson Karlsson Nilsson Eriksson Larsson Olsson Persson Svensson"
        " Gustafsson Lindberg Lindström Bergström Nyström Sandberg Forsberg Sjöberg Wallin"
        " Engström Hansen Jensen Nielsen Pedersen Andersen Christensen Larsen Sørensen Rasmussen"
        " Jørgensen Kristensen Johansen Olsen Berg Haugen Hagen Bakken Solberg Nygård Korhonen"
        " Virtanen Mäkinen Nieminen Mäkelä Hämäläinen Laine Heikkinen Koskinen Järvinen Jónsson"
        " Sigurðardóttir Gunnarsdóttir De Jong Jansen De Vries Bakker Visser Smit Meijer Mulder"
        " Bos Vos Dekker Dijkstra Hoekstra Kuipers Veenstra Postma Terpstra Vandenberghe Claes"
        " Wouters Peeters Maes Willems Goossens",
    ),
    "arabic": (
        "Mohammed Muhammad Ahmed Mahmoud Mustafa Ali Hassan Hussein Omar Khalid Youssef Ibrahim"
        " Abdullah Abdulrahman Khaled Tariq Samir Karim Nasser Faisal Bilal Hamza Walid Rashid"
        " Zayd Fatima Aisha Khadija Maryam Zainab Noor Layla Salma Hanan Amira Yasmin Rania Dina"
        " Nadia Samira Huda Iman Sumaya Ruqayya Zahra Reza Hossein Mehdi Shirin Parisa Nasrin"
        " Farhad Behrouz Ardeshir Golnaz Mahsa Kaveh Siavash Emre Mehmet Mustafa Ayşe Fatma"
        " Zeynep Elif Hüseyin Osman Yusuf Kemal Gülsüm Nurten Tuğba Cengiz",
        "Al-Sayed El-Masri Haddad Khoury Mansour Nasser Hakimi Rahman Abbas Saleh Farouk Aziz"
        " Hamdan Qasim Shaheen Bakri Darwish Najjar Sabbagh Tamimi Zaidi Al-Harbi Al-Qahtani"
        " Al-Otaibi Benali Bouazizi Cherif Mansouri Belkacem Hosseini Ahmadi Mohammadi Karimi"
        " Rezaei Jafari Moradi Ebrahimi Tehrani Shirazi Farahani Yılmaz Kaya Demir Şahin Çelik"
        " Yıldız Yıldırım Öztürk Aydın Özdemir Arslan Doğan Kılıç Aslan Çetin Kara Koç Kurt Özkan"
        " Şimşek Polat Erdoğan Korkmaz",
    ),
    "african": (
        "Kwame Kofi Kwabena Yaw Akosua Ama Abena Efua Adjoa Oluwaseun Oluwatobi Babatunde"
        " Adebayo Olumide Temitope Folasade Yewande Ngozi Chinedu Chukwuemeka Ifeoma Obinna Nneka"
        " Emeka Uchenna Chidinma Aminata Fatoumata Mamadou Ousmane Ibrahima Moussa Cheikh Awa"
        " Ndeye Thabo Sipho Nomsa Lindiwe Themba Zanele Bongani Nokuthula Mandla Thandiwe Wanjiru"
        " Kamau Njoroge Achieng Otieno Wambui Kipchoge Chebet Tesfaye Alemayehu Selamawit Hirut"
        " Bekele Mulugeta Abebe Farai Tendai Rutendo Tafadzwa Chipo Juma Neema Baraka Zawadi",
        "Mensah Owusu Boateng Asante Osei Appiah Agyeman Addo Amoah Okafor Okonkwo Adeyemi"
        " Adebayo Afolabi Ogunleye Balogun Eze Nwosu Obi Okeke Nnamdi Igwe Abubakar Bello Danjuma"
        " Diallo Traoré Keita Coulibaly Diop Ndiaye Fall Sow Camara Touré Cissé Konaté Dlamini"
        " Nkosi Ndlovu Khumalo Mokoena Zulu Mthembu Sithole Naidoo Botha Van der Merwe Mwangi"
        " Otieno Odhiambo Kimani Njuguna Kariuki Wekesa Mutua Kiplagat Cheruiyot Tadesse Gebre"
        " Haile Mengistu Desta Chikwanha Moyo Sibanda Mugisha Tumusiime Nsubuga",
    ),
    "south_asian": (
        "Raj Rahul Amit Sanjay Vijay Anil Sunil Rajesh Suresh Ramesh Ravi Arjun Rohan Aditya"
        " Vikram Karthik Arvind Harish Ganesh Mohan Pradeep Deepak Manoj Ashok Nikhil Siddharth"
        " Ananya Priya Pooja Neha Anjali Kavita Sunita Lakshmi Deepa Meena Radha Shreya Divya"
        " Aishwarya Padma Sarita Rekha Usha Lata Gayatri Meenakshi Bhavna Harpreet Gurpreet"
        " Manpreet Jaspreet Balwinder Imran Asif Tahir Nadeem Saima Shazia Farzana Rukhsana"
        " Thilini Nuwan Chaminda Dilshan Tharindu Bishnu Prakash Sushila Tashi Tenzin",
        "Patel Shah Mehta Desai Joshi Sharma Verma Gupta Singh Kumar Agarwal Bansal Kapoor"
        " Malhotra Khanna Chopra Bhatia Reddy Rao Naidu Iyer Iyengar Subramanian Krishnan Nair"
        " Menon Pillai Kurup Chatterjee Banerjee Mukherjee Ghosh Bose Das Dutta Sengupta Mishra"
        " Pandey Tiwari Dubey Trivedi Chaudhary Yadav Kaur Sandhu Gill Dhillon Grewal Khan"
        " Hussain Malik Qureshi Siddiqui Chowdhury Perera Fernando Silva Jayawardena"
        " Wickramasinghe Bandara Gunawardena Thapa Shrestha Gurung Tamang Adhikari Kulkarni"
        " Deshpande Patil",
    ),
    "chinese": (
        "Wei Fang Xiuying Na Min Jing Li Qiang Lei Jun Yang Yong Yan Jie Juan Tao Ming Chao Xia"
        " Ping Gang Guiying Xiaoming Xiaohong Xiaoli Zhihao Zihan Haoran Yuxuan Yichen Ziyi"
        " Meiling Jianguo Jianhua Guoqiang Zhiqiang Wenjie Xinyi Yuting Haiyan Lihua Meihua"
        " Shufen Guofeng Weidong Xueqin Yanping Zhenhua Chunhua Guanghui Siu Wai Kwok Mei Ying"
        " Chi Hoi Ka Man Yuen",
        "Wang Li Zhang Liu Chen Yang Huang Zhao Wu Zhou Xu Sun Ma Zhu Hu Guo He Lin Gao Luo"
        " Zheng Liang Xie Song Tang Han Feng Deng Cao Peng Zeng Xiao Tian Dong Pan Yuan Cai Jiang"
        " Yu Du Ye Cheng Su Wei Lu Ding Ren Shen Yao Zhong Jiang Cui Tan Liao Fan Wang Jin Shi"
        " Jia Xia Fu Fang Bai Zou Meng Xiong Qin Qiu Hou Yin Xue Yan Lei Ouyang Situ Wong Chan"
        " Cheung Leung Lau Ng Cheng Kwok Tsang Yip Chow Hsu Hsieh Tsai Chiang Kuo",
    ),
    "vietnamese": (
        "Anh Bảo Bình Châu Chi Công Cường Đạt Dũng Dương Đức Giang Hà Hải Hạnh Hiền Hiếu Hoa Hòa"
        " Hoàng Hồng Huệ Hùng Hương Huy Khánh Khoa Kiên Lan Linh Loan Long Mai Minh My Nam Nga"
        " Ngân Ngọc Nguyệt Nhân Nhi Nhung Phong Phúc Phương Quân Quang Quốc Quỳnh Sơn Tâm Tân"
        " Thanh Thảo Thắng Thành Thiên Thịnh Thọ Thu Thúy Thủy Tiến Toàn Trang Trí Trinh Trung Tú"
        " Tuấn Tùng Tuyết Vân Việt Vinh Vy Xuân Yến",
        "Nguyễn Trần Lê Phạm Hoàng Huỳnh Phan Vũ Võ Đặng Bùi Đỗ Hồ Ngô Dương Lý Đinh Trịnh Đoàn"
        " Mai Trương Lâm Phùng Tô Hà Cao Châu Tạ Thái Lưu Quách Tăng Nghiêm Nguyen Tran Le Pham"
        " Hoang Huynh Phan Vu Vo Dang Bui Do Ho Ngo Duong Ly Dinh Trinh Doan Truong Lam Phung To"
        " Ta Thai",
    ),
    "east_asian": (
        "Hiroshi Takashi Kenji Kazuo Yuki Haruto Sota Ren Daiki Takumi Naoki Akira Satoshi"
        " Makoto Sakura Yui Hina Aoi Misaki Keiko Yoko Michiko Sachiko Akiko Tomoko Noriko Ayumi"
        " Minjun Seojun Jiho Hyunwoo Jisoo Minseo Seoyeon Jiwoo Eunji Sunhee Youngsook Jiyoung"
        " Kyungsoo Sangwoo Dongwook Somchai Somsak Prasert Wichai Siriporn Malee Kanya Nattapong"
        " Pornthip Budi Agus Slamet Wahyu Siti Dewi Sri Ningsih Putri Ratna Eko Joko Nurul Aisyah"
        " Hafiz Rosmah Azlan Zulkifli Aung Myint Thida Khin Zaw Sokha Bopha Maricel Rowena Jhun"
        " Ligaya Rizalino Imelda Analyn Malia Keoni Leilani Sione Tevita Mere Aroha Wiremu Hemi",
        "Sato Suzuki Takahashi Tanaka Watanabe Ito Yamamoto Nakamura Kobayashi Kato Yoshida"
        " Yamada Sasaki Yamaguchi Matsumoto Inoue Kimura Hayashi Shimizu Saito Mori Abe Ikeda"
        " Hashimoto Ishikawa Ogawa Okada Hasegawa Fujita Goto Kondo Kim Park Choi Jung Kang Cho"
        " Yoon Jang Lim Han Shin Seo Kwon Hwang Ahn Song Hong Suwan Srisuk Chaiyasit Rattanakosin"
        " Wongsawat Santoso Wijaya Suharto Kusuma Setiawan Hidayat Nugroho Siregar Hutapea"
        " Simanjuntak Abdullah Ismail Othman Htun Sok Chea Santos Reyes Cruz Bautista Dela Cruz"
        " Villanueva Macaraeg Dimaculangan Kahananui Fonoti Taufa Ngata Parata Tupou",
    ),
    "jewish_greek_other": (
        "Avraham Moshe Yitzhak Shlomo Yael Tamar Rivka Chava Noam Eitan Shira Ayelet Dimitrios"
        " Konstantinos Georgios Ioannis Nikolaos Panagiotis Eleni Katerina Despina Vasiliki"
        " Zoltán László István Gábor Balázs Ágnes Zsuzsanna Katalin Erzsébet Mihai Andrei Ion"
        " Gheorghe Vasile Ioana Elena Mihaela Andreea Giorgi Nino Levan Tamuna Armen Tigran"
        " Anahit Gayane Arturas Vytautas Rasa Jolanta Andris Ilze Kristaps Liina Tõnu Ardian"
        " Besnik Vjosa",
        "Cohen Levy Mizrahi Peretz Friedman Goldberg Rosenberg Shapiro Katz Greenberg Silverman"
        " Weinstein Horowitz Rabinowitz Papadopoulos Vlahos Georgiou Nikolaidis Karagiannis"
        " Makris Economou Nagy Kovács Tóth Szabó Horváth Varga Kiss Molnár Németh Farkas Balogh"
        " Popescu Ionescu Popa Radu Dumitru Stan Stoica Gheorghe Matei Ciobanu Beridze Kapanadze"
        " Gelashvili Petrosyan Hovhannisyan Sargsyan Grigoryan Kazlauskas Jankauskas Ozoliņš"
        " Bērziņš Tamm Saar Hoxha Krasniqi Gashi Berisha",
    ),
}
