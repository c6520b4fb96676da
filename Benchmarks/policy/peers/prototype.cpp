// A simulator of the same environment with a rule of the same kind, written before ours and independently of it: what ours must be
// as fast as, and agree with. Reads the text that bench.py writes; prints seconds of mean completion and tasks a second:
//   prototype FILE KIND [PARAMETER...]     KIND 0 is fair sharing, 1 first in first out, 4 the rule
#include <bits/stdc++.h>
using namespace std; typedef uint64_t u64; typedef double D;
struct SD{int tasks;D rough;vector<int>ex;vector<vector<int>>L[3];vector<int>par,ch;D down;D minw;};
struct JT{vector<SD>s;D work;};
static vector<JT> T;
struct Ep{string name;int N,mv,wu;vector<pair<D,int>>jobs;};
static vector<Ep> EPS;
static const int NP=24;
static inline u64 mix(u64 z){z+=0x9e3779b97f4a7c15ULL;z=(z^(z>>30))*0xbf58476d1ce4e5b9ULL;z=(z^(z>>27))*0x94d049bb133111ebULL;return z^(z>>31);}
static inline D u01(u64 x){return (x>>11)*(1.0/9007199254740992.0);}
struct Ev{D t;int q,type,a,b;};
struct EvC{bool operator()(const Ev&x,const Ev&y)const{return x.t>y.t||(x.t==y.t&&x.q>y.q);}};
struct Sim;
struct Pol{int kind;D alpha;const D*p;};
struct Sim{
 const Ep*ep;int N,J;u64 seed;D now=0;int seq=0;long ntask=0,ndec=0;
 vector<int>off;                       // job -> first global stage
 vector<int>sjob;                      // stage -> job
 vector<int>rem,done,mvto,cmto,run;    // per stage
 vector<int>nact,nsat,supply,nloc;vector<D>W,arr,fin; // per job
 vector<int>active;vector<char>comp,front; // per stage complete/frontier
 vector<int>eloc,ejob,etask;vector<D>est;vector<const vector<int>*>elist;vector<D>osum;vector<int>ocnt;vector<int>eadd;vector<char>eexec; // per executor
 vector<int>psz,cfrom;vector<vector<pair<int,int>>>cm; // per pool
 vector<char>sel;vector<int>sellist;int src=-1;vector<Ev>h;int narr=0,ndone=0;bool futureArr=true;
 const SD&sd(int g)const{int j=sjob[g];return T[ep->jobs[j].second].s[g-off[j]];}
 int JP(int j)const{return 1+j;} int SP(int g)const{return 1+J+g;}
 int pj(int p)const{return p<=0?-1:p<=J?p-1:sjob[p-1-J];}
 void push(D t,int ty,int a,int b){h.push_back({t,seq++,ty,a,b});push_heap(h.begin(),h.end(),EvC());}
 void init(const Ep*e,u64 s){ep=e;seed=s;N=e->N;J=e->jobs.size();int G=0;off.resize(J+1);
  for(int j=0;j<J;j++){off[j]=G;int n=T[e->jobs[j].second].s.size();for(int k=0;k<n;k++)sjob.push_back(j);G+=n;}off[J]=G;
  rem.resize(G);done.assign(G,0);mvto=cmto=run=done;osum.assign(G,0);ocnt.assign(G,0);comp.assign(G,0);front.assign(G,0);sel.assign(G,0);
  nact.resize(J);nsat.assign(J,0);supply=nloc=nsat;W.assign(J,0);arr.resize(J);fin.assign(J,0);
  for(int j=0;j<J;j++){auto&t=T[e->jobs[j].second];nact[j]=t.s.size();arr[j]=e->jobs[j].first;
   for(int k=0;k<nact[j];k++){rem[off[j]+k]=t.s[k].tasks;W[j]+=t.s[k].tasks*t.s[k].rough;front[off[j]+k]=t.s[k].par.empty();}
   push(arr[j],0,j,0);}
  eloc.assign(N,0);ejob.assign(N,-1);etask.assign(N,-1);eexec.assign(N,0);est.assign(N,0);elist.assign(N,nullptr);eadd.assign(N,0);psz.assign(1+J+G,0);psz[0]=N;cfrom.assign(1+J+G,0);cm.resize(1+J+G);src=0;}
 int dem(int g)const{return rem[g]-mvto[g]-cmto[g];}
 int commit()const{return src<0?0:psz[src]-cfrom[src];}
 bool ready(int g)const{if(dem(g)<=0)return false;int o=off[sjob[g]];for(int p:sd(g).par)if(dem(o+p)>0)return false;return true;}
 void schedOf(int j,int sj,vector<int>&o)const{if(j!=sj&&supply[j]>=N)return;for(int g=off[j];g<off[j+1];g++)if(!comp[g]&&!sel[g]&&ready(g))o.push_back(g);}
 void sched(vector<int>&o)const{o.clear();int sj=pj(src);for(int j:active)schedOf(j,sj,o);}
 void setpool(int e,int p){if(eloc[e]>=0)psz[eloc[e]]--;eloc[e]=p;if(p>=0)psz[p]++;}
 void addcm(int n,int dst){auto&v=cm[src];bool f=false;for(auto&x:v)if(x.first==dst){x.second+=n;f=true;break;}if(!f)v.push_back({dst,n});
  cfrom[src]+=n;if(dst>J)cmto[dst-1-J]+=n;int dj=pj(dst);if(dj!=pj(src)&&dj>=0)supply[dj]+=n;}
 void fulfil(int e,int dst){int sp=eloc[e];auto&v=cm[sp];for(size_t i=0;i<v.size();i++)if(v[i].first==dst){if(--v[i].second==0)v.erase(v.begin()+i);break;}
  cfrom[sp]--;if(dst>J)cmto[dst-1-J]--;int dj=pj(dst);if(dj!=pj(sp)&&dj>=0)supply[dj]--;
  if(dst==0){moveidle1(sp,e);return;} toStage(e,dst-1-J);}
 bool jsat(int j)const{return nsat[j]==off[j+1]-off[j];}
 void moveidle1(int sp,int e){if(sp==0)return;int j=pj(sp);bool s=jsat(j);if(sp<=J&&!s)return;if(s){setpool(e,0);supply[j]--;detach(e);}else setpool(e,JP(j));}
 // supply = pool of job + external commitments + moving; leaving to common lowers it
 void detach(int e){nloc[ejob[e]]--;ejob[e]=-1;etask[e]=-1;}
 void toStage(int e,int g){for(;;){
  if(rem[g]==0){ // backup
   int j=ejob[e];vector<int>o;if(j>=0)schedOf(j,j,o);if(o.empty())for(int k:active)if(k!=j)schedOf(k,j,o);
   if(o.empty()){moveidle1(eloc[e],e);return;} g=o[0];continue;}
  int j=sjob[g];
  if(ejob[e]!=j){mvto[g]++;supply[j]++;int oj=pj(eloc[e]);if(oj>=0)supply[oj]--;setpool(e,-1);if(ejob[e]>=0)detach(e);push(now+ep->mv,1,e,g);return;}
  if(!front[g]){etask[e]=-1;setpool(e,JP(j));return;}
  setpool(e,SP(g));exec(e,g);return;}}
 int key(const SD&s,int n,D u)const{static const int E[8]={5,10,20,40,50,60,80,100};int k;
  if(n<=5)k=5;else if(n>=100)k=100;else{int i=0;while(E[i]<n)i++;if(E[i]==n)k=n;else{int l=E[i-1],r=E[i];int rp=1+int(u*(r-l));k=rp<=n-l?l:r;}}
  for(int i=0;i<(int)s.ex.size();i++)if(s.ex[i]==k)return i;return s.ex.size()-1;}
 void exec(int e,int g){const SD&s=sd(g);int j=sjob[g];int idx=s.tasks-rem[g];rem[g]--;run[g]++;W[j]-=s.rough;if(rem[g]==0)nsat[j]++;ntask++;
  u64 r=mix(seed*0x51ed27ULL+mix((u64)g*1000003ULL+idx));int k=key(s,nloc[j],u01(r));D u=u01(mix(r));
  const vector<int>*L=nullptr;int add=0;
  if(etask[e]<0){if(s.L[0][k].size())L=&s.L[0][k];else{L=&s.L[1][k];add=ep->wu;}}
  else{if(etask[e]==g&&s.L[2][k].size())L=&s.L[2][k];else if(s.L[1][k].size())L=&s.L[1][k];else L=&s.L[0][k];}
  D d;if(L->size())d=(*L)[int(u*L->size())]+add;else d=s.rough;
  etask[e]=g;eexec[e]=1;est[e]=now;elist[e]=L;eadd[e]=add;push(now+d,2,e,g);}
 void finish(int e,int g){int j=sjob[g];const SD&s=sd(g);done[g]++;run[g]--;eexec[e]=0;osum[g]+=now-est[e];ocnt[g]++;
  if(rem[g]>0){exec(e,g);return;}
  bool fc=false;
  if(done[g]==s.tasks){comp[g]=1;front[g]=0;nact[j]--;for(int c:s.ch){int k=off[j]+c;bool ok=true;for(int p:sd(k).par)if(!comp[off[j]+p])ok=false;if(ok&&!comp[k]){front[k]=1;fc=true;}}}
  if(nact[j]==0){if(psz[JP(j)]>0)for(int x=0;x<N;x++)if(eloc[x]==JP(j))moveidle1(JP(j),x);
   active.erase(find(active.begin(),active.end(),j));fin[j]=now;ndone++;}
  bool had=false;int sp=SP(g);
  if(!cm[sp].empty()){had=true;fulfil(e,cm[sp][0].first);}
  else{etask_idle(e);if(fc)moveidle1(sp,e);}
  if(fc)src=JP(j);else if(!had)src=sp;}
 void etask_idle(int e){etask[e]=-1;}
 // run to next decision; true if decision needed
 bool resume(vector<int>&o){while(!h.empty()){Ev v=h.front();pop_heap(h.begin(),h.end(),EvC());h.pop_back();now=v.t;
   if(v.type==0){active.push_back(v.a);narr++;if(psz[0]>0)src=0;
     // all arrivals at t=0 are loaded before the first decision
     if(now==0&&!h.empty()&&h.front().t==0&&h.front().type==0)continue;}
   else if(v.type==1){int j=sjob[v.b];ejob[v.a]=j;nloc[j]++;mvto[v.b]--;setpool(v.a,JP(j));toStage(v.a,v.b);}
   else finish(v.a,v.b);
   if(ndone==J)return false;
   if(commit()==0)continue;sched(o);if(!o.empty())return true;
   // move idle executors of the source
   if(src>0){int s0=src;for(int x=0;x<N;x++)if(eloc[x]==s0&&!eexec[x])moveidle1(s0,x);}
   src=-1;}
  return false;}
 bool act(int g,int n,vector<int>&o){ // true: another decision in this round
  ndec++;
  if(g>=0){n=min(n,dem(g));n=min(n,commit());addcm(n,SP(g));sel[g]=1;sellist.push_back(g);
   if(commit()>0){sched(o);if(!o.empty())return true;}}
  endround();return false;}
 void endround(){int c=commit();if(c>0)addcm(c,0);
  vector<int>id;for(int x=0;x<N;x++)if(eloc[x]==src&&!eexec[x])id.push_back(x);
  auto v=cm[src];size_t i=0;for(auto&x:v){int n=x.second;while(n&&i<id.size()){fulfil(id[i++],x.first);n--;}}
  src=-1;for(int g:sellist)sel[g]=0;sellist.clear();}
 D avgjct()const{D s=0;for(int j=0;j<J;j++)s+=fin[j]-arr[j];return s/J*1e-3;}
};
static int findst(const Sim&s,const vector<int>&o,int j){int f=-1;for(int g:o)if(s.sjob[g]==j){if(s.front[g])return g;if(f<0)f=g;}return f;}
static int findcp(const Sim&s,const vector<int>&o,int j){int f=-1;D b=-1;for(int g:o)if(s.sjob[g]==j){D v=s.sd(g).down;if(v>b){b=v;f=g;}}return f;}
struct Cand{D sc;int g,n;};
// the parametric rule -----------------------------------------------------
static void paramCands(const Sim&s,const vector<int>&o,const D*p,vector<Cand>&out){
 int m=s.active.size(),k=s.commit(),sj=s.pj(s.src),N=s.N;
 static thread_local vector<D>w,tg,cap,cpr;static thread_local vector<int>ord;
 w.resize(m);tg.resize(m);cap.resize(m);cpr.resize(m);ord.resize(m);D mean=0;D load=log((D)m/N),tot=0;
 for(int i=0;i<m;i++){int j=s.active[i];D ww=s.W[j],cp=1;for(int g=s.off[j];g<s.off[j+1];g++)if(!s.comp[g]){const SD&d=s.sd(g);if(s.ocnt[g]&&s.rem[g])ww+=p[20]*s.rem[g]*((s.osum[g]+3*d.rough)/(s.ocnt[g]+3)-d.rough);if(s.run[g])ww+=p[18]*s.run[g]*d.rough;if(d.down>cp)cp=d.down;}
  w[i]=max(ww,100.0);tot+=w[i];cpr[i]=cp;mean+=log(w[i]);ord[i]=i;}
 mean/=m;
 sort(ord.begin(),ord.end(),[&](int a,int b){return w[a]<w[b];}); // smallest first
 D c=1+exp(min(4.0,p[0]+p[16]*load+p[21]*log(tot/N/60000.0))),sum=0;
 D q=exp(p[2]+p[17]*load);
 for(int r=0;r<m;r++){int i=ord[r];D a=(D)(m-r)/m,b=(D)(m-r-1)/m;tg[i]=(pow(a,c)-pow(b,c))*exp(p[1]*(log(w[i])-mean));sum+=tg[i];
  cap[i]=max(1.0,exp(p[3])*pow(w[i]/cpr[i],p[4]));}
 D Ne=N*exp(p[5]),left=Ne;
 // smallest first: at least q (served) until executors are used, at most cap; water-fill remainder proportionally
 for(int r=0;r<m;r++){int i=ord[r];D t=Ne*tg[i]/sum;t=max(t,q);t=min(t,cap[i]);t=min(t,left);tg[i]=t;left-=t;}
 if(left>0.5){for(int r=0;r<m&&left>0.5;r++){int i=ord[r];D t=min(left,max(0.0,cap[i]-tg[i]));tg[i]+=t;left-=t;}}
 static thread_local vector<int>pos;pos.assign(s.J,-1);for(int i=0;i<m;i++)pos[s.active[i]]=i;
 for(int g:o){int j=s.sjob[g],i=pos[j];bool loc=j==sj;const SD&d=s.sd(g);
  D sup=s.supply[j]-(loc?k:0);D t=max(tg[i],0.05);
  D x=log((sup+1)/(t+0.5));            // >0: above target after one more
  D endt=w[i]/(sup+1);                 // ms left per executor
  D sc=-p[6]*x+(loc?p[7]:0)-p[9]*(log(w[i])-mean)+p[10]*d.down/cpr[i]+p[11]*(s.front[g]?1:0)+p[12]*log(1.0+s.dem(g))
    -(loc?0:p[15]*exp(-endt/(5000.0)))+p[19]*(loc?0:1)*load+p[22]*min(1.0,s.dem(g)*d.rough/60000.0)+p[23]*cpr[i]/(cpr[i]+w[i]/(sup+1));
  if(!loc&&sup>=t+0.5)sc-=p[13];       // over target
  if(!loc&&sc<p[8])continue;           // rather stay idle
  int n=(int)floor(t+p[14]-sup);if(n<1)n=loc?max(1,(int)round(k*0.25)):1;
  out.push_back({sc,g,min(n,k)});}
}
static void choose(const Sim&s,const vector<int>&o,const Pol&P,int&g,int&n){
 int k=s.commit(),sj=s.pj(s.src),m=s.active.size();g=-1;n=k;
 bool sact=sj>=0&&s.nact[sj]>0;
 if(P.kind==0||P.kind==1){int cap=P.kind==0?(s.N+m-1)/max(1,m):s.N;
  if(sact){g=findst(s,o,sj);if(g>=0)return;}
  for(int j:s.active){if(s.supply[j]>=cap||j==sj)continue;g=findst(s,o,j);if(g<0)continue;n=min(k,cap-s.supply[j]);return;}
  g=-1;return;}
 if(P.kind==2){ // srpt_cp
  D b=1e300;int bj=-1;for(int x:o){int j=s.sjob[x];if(s.W[j]<b){b=s.W[j];bj=j;}}g=findcp(s,o,bj);return;}
 if(P.kind==3){ // wfair on total work
  D sum=0;for(int j:s.active)sum+=pow(T[s.ep->jobs[j].second].work,P.alpha);
  auto tgt=[&](int j){return (int)ceil(s.N*pow(T[s.ep->jobs[j].second].work,P.alpha)/sum);};
  if(sact){int x=findst(s,o,sj);if(x>=0){int t=tgt(sj)-(s.supply[sj]-k);if(t>=1){g=x;n=min(k,t);return;}}}
  D b=-1e300;int bj=-1;for(int x:o){int j=s.sjob[x];if(j==sj)continue;int t=tgt(j);D df=(D)(t-s.supply[j])/t;if(df>b){b=df;bj=j;}}
  if(bj>=0&&b>0){g=findst(s,o,bj);n=min(k,tgt(bj)-s.supply[bj]);return;}
  if(sact){g=findst(s,o,sj);if(g>=0){n=k;return;}}
  if(bj>=0){g=findst(s,o,bj);n=1;return;}
  g=-1;return;}
 static thread_local vector<Cand>cs;cs.clear();paramCands(s,o,P.p,cs);D b=-1e300;
 for(auto&c:cs)if(c.sc>b){b=c.sc;g=c.g;n=c.n;}
}
static D runEp(const Ep&e,u64 seed,const Pol&P,long*nt=nullptr,vector<D>*jct=nullptr,long*nd=nullptr,D stop=1e300){
 Sim s;s.init(&e,seed);vector<int>o;
 while(s.resume(o)){int g,n;do{choose(s,o,P,g,n);}while(s.act(g,n,o));if(s.now>stop)return 1e9;}
 if(nt)*nt+=s.ntask;if(nd)*nd+=s.ndec;
 if(s.ndone<s.J)return 1e7;
 if(jct)for(int j=0;j<s.J;j++)jct->push_back(s.fin[j]-s.arr[j]);
 return s.avgjct();}
int load(const char*f){ifstream in(f);int n;in>>n;T.resize(n);for(auto&t:T){int S,E;in>>S>>E;t.s.resize(S);for(int i=0;i<E;i++){int a,b;in>>a>>b;t.s[a].ch.push_back(b);t.s[b].par.push_back(a);}
  t.work=0;for(auto&s:t.s){int K;in>>s.tasks>>s.rough>>K;for(int k=0;k<K;k++){int e;in>>e;s.ex.push_back(e);for(int q=0;q<3;q++){int c;in>>c;vector<int>v(c);for(auto&x:v)in>>x;s.L[q].push_back(v);}}
   for(int k=1;k<K;k++)if(s.L[1][k].empty())s.L[1][k]=s.L[1][k-1];t.work+=s.tasks*s.rough;}
  for(int it=0;it<S;it++)for(auto&s:t.s){D m=0;for(int c:s.ch)m=max(m,t.s[c].down);s.down=s.rough+m;}}
 int ne;in>>ne;EPS.resize(ne);for(auto&e:EPS){int J;in>>e.name>>e.N>>e.mv>>e.wu>>J;for(int i=0;i<J;i++){D t;int q;in>>t>>q;e.jobs.push_back({t,q});}}return ne;}
const char*epname(int i){return EPS[i].name.c_str();}
// new generated episode
int gen(int N,int J,D mean,u64 seed){Ep e;e.name="gen";e.N=N;e.mv=2000;e.wu=1000;mt19937_64 r(seed);D t=0;for(int i=0;i<J;i++){e.jobs.push_back({t,(int)(r()%154)});if(mean>0)t+=floor(-mean*log(1-u01(r())));}EPS.push_back(e);return EPS.size()-1;}
D run(int ep,u64 seed,int kind,D alpha,const D*p,long*nt,long*nd){Pol P{kind,alpha,p};return runEp(EPS[ep],seed,P,nt,nullptr,nd);}
int jcts(int ep,u64 seed,int kind,D alpha,const D*p,D*out){Pol P{kind,alpha,p};vector<D>v;runEp(EPS[ep],seed,P,nullptr,&v);for(size_t i=0;i<v.size();i++)out[i]=v[i];return v.size();}

int main(int n,char**a){
 load(a[1]);int kind=atoi(a[2]);D p[NP]={};for(int i=0;i<NP&&i+3<n;i++)p[i]=atof(a[i+3]);
 map<string,vector<int>>sets;for(size_t i=0;i<EPS.size();i++)sets[EPS[i].name.substr(0,EPS[i].name.find('_'))].push_back(i);
 for(auto&x:sets){D best=0,mean=0;
  for(int r=0;r<5;r++){long nt=0;mean=0;clock_t t=clock();
   for(int e:x.second)for(int s=1;s<=5;s++)mean+=runEp(EPS[e],s,Pol{kind,0,p},&nt)/(5.0*x.second.size());
   best=max(best,nt/((D)(clock()-t)/CLOCKS_PER_SEC));}
  printf("{\"kind\":\"%s\",\"mean\":%.6f,\"tasksPerSecond\":%.0f}\n",x.first.c_str(),mean,best);}
}
